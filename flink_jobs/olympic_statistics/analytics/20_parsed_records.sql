-- Text and JSON of each record. value_json contains those of the four fields that exist, in this order and without white
-- space. The JSON functions ignore text after the first value, and thousands of nested levels would fail the job. So a text
-- is parsed only if it has the usual form, or if its outline (strings emptied, and the innermost brackets replaced by 0,
-- three times) is one value.
-- Possessive quantifiers (*+) bound the stack of the regular expressions for strings of any length.
-- RAND() < 1 is always true. It prevents the planner from copying an expression to every use of its column.
CREATE TEMPORARY VIEW parsed_records AS
SELECT
    *,
    CASE WHEN key_is_whole THEN JSON_QUERY(key_text, '$.id' WITH UNCONDITIONAL ARRAY WRAPPER) END AS key_id,
    CASE WHEN RAND() < 1 AND value_is_whole THEN JSON_QUERY(value_text, '$["id","name","nationality","score"]') END AS value_json
FROM (
    SELECT
        *,
        RAND() < 1 AND (
            REGEXP(key_text, '^\{"id":-?(?:0|[1-9][0-9]*)\}$')
            OR REGEXP(
                REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(key_text, '"(?:[^"\\]|\\.)*+"', '""'),
                    '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'),
                '^[ \t\n\r]*(?:0|[^0 \t\n\r\[\]{},:][^ \t\n\r\[\]{},:]*)[ \t\n\r]*$'
            ) AND key_text IS JSON
        ) AS key_is_whole,
        RAND() < 1 AND (
            REGEXP(value_text, '^\{"id":-?(?:0|[1-9][0-9]*),"name":"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*+","nationality":"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*+","score":-?(?:0|[1-9][0-9]*)\}$')
            OR REGEXP(
                REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(value_text, '"(?:[^"\\]|\\.)*+"', '""'),
                    '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'),
                '^[ \t\n\r]*(?:0|[^0 \t\n\r\[\]{},:][^ \t\n\r\[\]{},:]*)[ \t\n\r]*$'
            ) AND value_text IS JSON
        ) AS value_is_whole
    FROM (
        SELECT
            message_key, message_value, source_partition, source_offset, source_timestamp, arrived_at,
            COALESCE(TRY_CAST(DECODE(headers['attempts'], 'UTF-8') AS INT), 0) AS attempts,
            -- Longer texts are not parsed. ISO-8859-1 has one character per byte.
            CHAR_LENGTH(DECODE(message_key, 'ISO-8859-1')) > ${max_record_bytes} AS key_too_large,
            CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) > ${max_record_bytes} AS value_too_large,
            CASE WHEN CHAR_LENGTH(DECODE(message_key, 'ISO-8859-1')) <= ${max_record_bytes} THEN DECODE(message_key, 'UTF-8') END AS key_text,
            CASE WHEN CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) <= ${max_record_bytes} THEN DECODE(message_value, 'UTF-8') END AS value_text
        FROM records
    )
)
