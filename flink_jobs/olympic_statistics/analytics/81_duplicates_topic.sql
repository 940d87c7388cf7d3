CREATE TABLE duplicates_topic (
    id INT NOT NULL,
    name STRING NOT NULL,
    nationality STRING NOT NULL,
    score INT NOT NULL,
    kept_id INT NOT NULL,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${results_prefix}.duplicates',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '2',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
