-- The quarantine: append-only and never compacted, with one record for each invalid record of the source topic. JSON
-- contains the original bytes as base64, so that they are kept exactly. If only elements of the record are invalid,
-- `invalid_elements` is their number, and `elements` has the first 100 of them. `attempts` is the number of times that the
-- record has been republished. The platform reads this format in infra/kafka/quarantine_format.py.
CREATE TABLE quarantine_topic (
    source_topic STRING NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL,
    source_timestamp TIMESTAMP_LTZ(3) NOT NULL,
    reason STRING NOT NULL,
    invalid_elements INT,
    elements ARRAY<ROW<`position` INT, reason STRING>>,
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
