-- The typed fields of each record, and the first reason why it is invalid (NULL: it is valid). docs/records.md has the rules.
CREATE TEMPORARY VIEW read_records AS
SELECT
    message_key, message_value, source_partition, source_offset, source_timestamp,
    COALESCE(TRY_CAST(DECODE(headers['attempts'], 'UTF-8') AS INT), 0) AS attempts,
    key_fields.id, fields.name, fields.nationality, fields.score,
    message_value IS NULL AS deleted,
    CASE
        WHEN message_key IS NULL THEN 'the key is missing'
        WHEN key_fields.reason IS NOT NULL THEN key_fields.reason
        WHEN fields.reason IS NOT NULL THEN fields.reason
        WHEN fields.id <> key_fields.id THEN 'the id differs from the id in the key'
    END AS reason
FROM records
CROSS JOIN LATERAL TABLE(READ_JSON('the key', message_key, ${max_record_bytes}, 'id INT')) AS key_fields (id, reason)
CROSS JOIN LATERAL TABLE(READ_JSON(
    'the value', message_value, ${max_record_bytes}, 'id INT, name STRING, nationality STRING, score INT'
)) AS fields (id, name, nationality, score, reason)
