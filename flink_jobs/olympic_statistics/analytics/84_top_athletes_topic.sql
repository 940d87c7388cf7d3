CREATE TABLE top_athletes_topic (
    `rank` BIGINT NOT NULL,
    id INT NOT NULL,
    name STRING NOT NULL,
    nationality STRING NOT NULL,
    score INT NOT NULL,
    PRIMARY KEY (`rank`) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${results_prefix}.top_athletes',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '2',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
