CREATE TABLE athletes_topic (
    name STRING NOT NULL,
    id INT NOT NULL,
    nationality STRING NOT NULL,
    score INT NOT NULL,
    PRIMARY KEY (name) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${results_prefix}.athletes',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '2',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
