-- One row per element, with the id of its athlete.
CREATE TEMPORARY VIEW elements AS
SELECT
    message_key, message_value, attempts, source_partition, source_offset, source_timestamp, type,
    begins_at + 10 * d2 + d1 AS `position`,
    first_id + begins_at + 10 * d2 + d1 AS id,
    kinds[10 * d2 + d1 + 1] AS kind,
    data_values[10 * d2 + d1 + 1] AS data_value
FROM chunks
CROSS JOIN UNNEST(digits) AS tens (d2)
CROSS JOIN UNNEST(digits) AS ones (d1)
WHERE 10 * d2 < elements AND 10 * d2 + d1 < elements
