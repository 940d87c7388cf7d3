-- The fields of each record, and the first reason why it is invalid as a whole (NULL: its elements are validated next).
-- docs/records.md has the rules.
CREATE TEMPORARY VIEW read_records AS
SELECT
    message_key, message_value, source_partition, source_offset, source_timestamp,
    COALESCE(TRY_CAST(DECODE(headers['attempts'], 'UTF-8') AS INT), 0) AS attempts,
    fields.type, fields.data, COALESCE(fields.first_id, 1) AS first_id,
    CASE
        WHEN message_value IS NULL THEN 'the record is empty'
        WHEN fields.reason IS NOT NULL THEN fields.reason
        WHEN fields.type NOT IN ('name', 'nationality', 'score') THEN 'type is not name, nationality or score'
        WHEN fields.first_id < 1 THEN 'first_id is not positive'
    END AS reason
FROM records
CROSS JOIN LATERAL TABLE(READ_JSON(
    'the record', message_value, ${max_record_bytes}, 'type STRING, data ARRAY, first_id INT OPTIONAL, NO OTHERS'
)) AS fields (type, data, first_id, reason)
