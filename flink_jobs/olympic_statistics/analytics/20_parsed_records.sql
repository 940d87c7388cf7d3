-- Text and JSON of each record. value_json holds the four fields in this order, without white space, as far as they are
-- there. The JSON functions do not mind what follows the first value, and a nesting of thousands of levels would end the
-- job; so a text is looked into only where it has the form that most have, or where its outline (strings emptied, the
-- innermost brackets made a 0, three times over) is one value.
-- Possessive quantifiers (*+) keep the stack of the regular expressions flat, however long a string is.
-- RAND() < 1 is always true. It keeps the planner from copying an expression into every place that uses its column.
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
            -- ISO-8859-1 has a character for each byte.
            CHAR_LENGTH(DECODE(message_key, 'ISO-8859-1')) > 8192 AS key_too_large,
            CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) > 8192 AS value_too_large,
            CASE WHEN CHAR_LENGTH(DECODE(message_key, 'ISO-8859-1')) <= 8192 THEN DECODE(message_key, 'UTF-8') END AS key_text,
            CASE WHEN CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) <= 8192 THEN DECODE(message_value, 'UTF-8') END AS value_text
        FROM records
    )
)
