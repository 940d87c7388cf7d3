-- The lists in chunks of 100 elements. Each row copies its lists from operator to operator, so one row per element with
-- the whole list would cost the square of the list's length.
-- Positions are combined from five digits, because this version of Flink does not have UNNEST WITH ORDINALITY; the filters
-- drop positions after the end of the list early. The digits are a column of the record: the planner would turn a constant
-- into a join, which keeps every record in its state. In kinds every string is replaced by s, which distinguishes "7" from 7.
CREATE TEMPORARY VIEW chunks AS
SELECT
    message_key, message_value, attempts, source_partition, source_offset, source_timestamp, type, first_id, digits,
    10000 * d5 + 1000 * d4 + 100 * d3 AS begins_at,
    elements - 10000 * d5 - 1000 * d4 - 100 * d3 AS elements,
    CASE WHEN RAND() < 1 THEN
        ARRAY_SLICE(data_values, 10000 * d5 + 1000 * d4 + 100 * d3 + 1, 10000 * d5 + 1000 * d4 + 100 * d3 + 100)
    END AS data_values,
    CASE WHEN RAND() < 1 THEN
        ARRAY_SLICE(kinds, 10000 * d5 + 1000 * d4 + 100 * d3 + 1, 10000 * d5 + 1000 * d4 + 100 * d3 + 100)
    END AS kinds
FROM (
    SELECT
        *,
        CASE WHEN RAND() < 1 THEN ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] END AS digits,
        CASE WHEN RAND() < 1 THEN JSON_QUERY(data_json, '$' RETURNING ARRAY<STRING>) END AS data_values,
        CASE WHEN RAND() < 1 THEN JSON_QUERY(REGEXP_REPLACE(data_json, '"(?:[^"\\]|\\.)*+"', '"s"'), '$' RETURNING ARRAY<STRING>) END AS kinds
    FROM validated_records
    WHERE reason IS NULL
)
CROSS JOIN UNNEST(digits) AS ten_thousands (d5)
CROSS JOIN UNNEST(digits) AS thousands (d4)
CROSS JOIN UNNEST(digits) AS hundreds (d3)
WHERE 10000 * d5 < elements AND 10000 * d5 + 1000 * d4 < elements AND 10000 * d5 + 1000 * d4 + 100 * d3 < elements
