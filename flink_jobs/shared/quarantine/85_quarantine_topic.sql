-- Append-only and never compacted; the bytes are base64 in JSON, so that nothing of them is lost. `position` is that of an
-- element in its record, NULL where the record as a whole cannot count; attempts says how often it was published again.
CREATE TABLE quarantine_topic (
    source_topic STRING NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL,
    source_timestamp TIMESTAMP_LTZ(3) NOT NULL,
    `position` INT,
    reason STRING NOT NULL,
    attempts INT NOT NULL,
    message_key BYTES,
    message_value BYTES
) WITH (
    'connector' = 'kafka',
    'topic' = '${results_prefix}.quarantine',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    -- A record may be as large as the broker takes, and base64 makes it a third larger.
    'properties.max.request.size' = '4194304',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601'
)
