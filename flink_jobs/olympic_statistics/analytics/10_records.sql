-- The source topic as bytes: a format that parses records would stop the job at the first invalid one, or drop it silently.
CREATE TABLE records (
    message_key BYTES,
    message_value BYTES,
    headers MAP<STRING, BYTES> METADATA VIRTUAL,
    source_partition INT METADATA FROM 'partition' VIRTUAL,
    source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
    source_timestamp TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = '${source_topic}',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.group.id' = '${consumer_group}',
    'scan.startup.mode' = 'earliest-offset',
    -- Discovers partitions that are added later.
    'scan.topic-partition-discovery.interval' = '60 s',
    'key.format' = 'raw',
    'key.fields' = 'message_key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
)
