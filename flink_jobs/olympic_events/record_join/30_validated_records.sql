-- The fields of each record, and the first reason why it is invalid as a whole (NULL: its elements are validated next).
CREATE TEMPORARY VIEW validated_records AS
SELECT
    message_key, message_value, attempts, source_partition, source_offset, source_timestamp,
    SUBSTRING(type_json FROM 3 FOR CHAR_LENGTH(type_json) - 4) AS type,
    data_json,
    CAST(JSON_VALUE(data_json, '$.length()') AS INT) AS elements,
    COALESCE(TRY_CAST(REGEXP_EXTRACT(first_id_json, '^\[([0-9]+)\]$', 1) AS INT), 1) AS first_id,
    CASE
        WHEN message_value IS NULL OR value_text = '' THEN 'the record is empty'
        WHEN value_text IS NULL THEN 'the record is larger than ${max_record_bytes} bytes'
        WHEN ENCODE(value_text, 'UTF-8') <> message_value THEN 'the record is not UTF-8'
        WHEN value_json IS NULL OR NOT value_json LIKE '{%' THEN 'the record is not a JSON object of at most 8 levels'
        -- Half of a surrogate pair is not a character; after an escaped backslash the u is plain text.
        WHEN REGEXP(REPLACE(value_text, '\\', '//'), '\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|[c-fC-F]..(?<!\\u[dD][89abAB]..\\u[dD][c-fC-F]..))')
            THEN 'the record has half of a surrogate pair'
        WHEN JSON_VALUE(value_json, '$.length()') <> JSON_VALUE(JSON_QUERY(value_json, '$["type","data","first_id"]'), '$.length()')
            THEN 'the record has an unknown key; allowed are type, data and first_id'
        WHEN type_json IS NULL OR type_json NOT IN ('["name"]', '["score"]', '["nationality"]') THEN 'type is not name, score or nationality'
        WHEN data_json IS NULL OR NOT data_json LIKE '[%' THEN 'data is not a list'
        WHEN JSON_QUERY(value_json, '$["type","first_id"]') LIKE '%"first_id":%' AND (
            NOT REGEXP(first_id_json, '^\[[0-9]+\]$') OR first_id_json IS NULL
            OR COALESCE(TRY_CAST(REGEXP_EXTRACT(first_id_json, '^\[([0-9]+)\]$', 1) AS INT), 0) < 1
        ) THEN 'first_id is not a positive 32-bit integer'
        WHEN COALESCE(TRY_CAST(REGEXP_EXTRACT(first_id_json, '^\[([0-9]+)\]$', 1) AS BIGINT), 1)
            + CAST(JSON_VALUE(data_json, '$.length()') AS INT) > 2147483648
            THEN 'the ids of the elements go beyond 2147483647'
    END AS reason
FROM (
    SELECT
        *,
        JSON_QUERY(value_json, '$.type' WITH UNCONDITIONAL ARRAY WRAPPER) AS type_json,
        JSON_QUERY(value_json, '$.first_id' WITH UNCONDITIONAL ARRAY WRAPPER) AS first_id_json,
        CASE WHEN RAND() < 1 THEN JSON_QUERY(value_json, '$.data') END AS data_json
    FROM (
        SELECT
            *,
            CASE WHEN RAND() < 1 AND REGEXP(outline, '^[ \t\n\r]*0[ \t\n\r]*$') THEN JSON_QUERY(value_text, '$') END AS value_json
        FROM record_texts
    )
)
