-- Text and JSON of each record. The JSON parser stops at the end of the first value and does not mind what follows,
-- so each text is put into an array before a sentinel: where the sentinel is not the second element, it was no JSON.
-- value_json holds the four fields in this order, without white space, as far as they are there.
-- RAND() < 1 is always true. It keeps the planner from copying this parsing into every place that uses a column of it.
CREATE TEMPORARY VIEW parsed_records AS
SELECT
    message_key, message_value, source_partition, source_offset, source_timestamp, arrived_at, key_text, value_text,
    JSON_VALUE(key_array, '$[1]') AS key_end,
    JSON_QUERY(key_array, '$[0].id' WITH UNCONDITIONAL ARRAY WRAPPER) AS key_id,
    JSON_VALUE(value_array, '$[1]') AS value_end,
    CASE WHEN RAND() < 1 THEN JSON_QUERY(value_array, '$[0]["id","name","nationality","score"]') END AS value_json
FROM (
    SELECT *, '[' || key_text || ',"end"]' AS key_array, '[' || value_text || ',"end"]' AS value_array
    FROM (SELECT *, DECODE(message_key, 'UTF-8') AS key_text, DECODE(message_value, 'UTF-8') AS value_text FROM records)
)
