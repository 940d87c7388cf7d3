-- The ceiling: Flink's own JSON format, without validation, state or results. It ends at the topic's present end.
CREATE TABLE records (
    id INT,
    name STRING,
    nationality STRING,
    score INT
) WITH (
    'connector' = 'kafka',
    'topic' = '${source_topic}',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.group.id' = '${consumer_group}',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'value.format' = 'json'
)
