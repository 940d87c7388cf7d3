CREATE TABLE nationality_stats_topic (
    nationality STRING NOT NULL,
    athletes BIGINT NOT NULL,
    average_score DOUBLE NOT NULL,
    top_athlete STRING NOT NULL,
    top_athlete_id INT NOT NULL,
    top_score INT NOT NULL,
    PRIMARY KEY (nationality) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${results_prefix}.nationality_stats',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '2',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
