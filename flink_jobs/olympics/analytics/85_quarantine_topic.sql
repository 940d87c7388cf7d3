-- Append-only and never compacted; the bytes are base64 in JSON, so that nothing of them is lost.
CREATE TABLE quarantine_topic (
    source_topic STRING NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL,
    source_timestamp TIMESTAMP_LTZ(3) NOT NULL,
    reason STRING NOT NULL,
    message_key BYTES,
    message_value BYTES
) WITH (
    'connector' = 'kafka',
    'topic' = '${results_prefix}.quarantine',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601'
)
