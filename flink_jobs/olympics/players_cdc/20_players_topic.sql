-- The table's changelog as a compacted topic. At-least-once delivery is exact here, because upserts are idempotent.
CREATE TABLE players_topic (
    id INT NOT NULL,
    name STRING NOT NULL,
    nationality STRING NOT NULL,
    score INT NOT NULL,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = '${players_topic}',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'properties.compression.type' = 'lz4',
    'key.format' = 'json',
    'value.format' = 'json'
)
