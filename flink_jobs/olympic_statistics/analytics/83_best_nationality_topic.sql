CREATE TABLE best_nationality_topic (
    `position` BIGINT NOT NULL,
    nationality STRING NOT NULL,
    average_score DOUBLE NOT NULL,
    top_athlete STRING NOT NULL,
    top_score INT NOT NULL,
    PRIMARY KEY (`position`) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${results_prefix}.best_nationality',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '2',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
