-- The quarantine: append-only and never compacted. JSON contains the original bytes as base64, so that they are kept exactly.
-- `position` is the index of the invalid element in its record, NULL if the record is invalid as a whole; `attempts` is the
-- number of times that the record has been republished. The platform reads this format in infra/kafka/quarantine_format.py.
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
    -- A record can have the largest size that the broker accepts, and base64 makes it a third larger.
    'properties.max.request.size' = '4194304',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601'
)
