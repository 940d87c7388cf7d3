-- The text of each record, and what is left of it when its strings are emptied and the innermost brackets become a 0,
-- eight times over. Where one 0 remains, the text is one object or list of at most eight levels with nothing behind it.
-- The JSON functions do not mind what follows the first value, and a nesting of thousands of levels would end the job.
-- Possessive quantifiers (*+) keep the stack of the regular expressions flat, however long a string is.
-- RAND() < 1 is always true. It keeps the planner from copying an expression into every place that uses its column.
CREATE TEMPORARY VIEW record_texts AS
SELECT
    *,
    CASE WHEN RAND() < 1 THEN
        REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(
        REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(
            REGEXP_REPLACE(value_text, '"(?:[^"\\]|\\.)*+"', '""'),
            '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'),
            '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0'), '[\[{][^\[\]{}]*+[\]}]', '0')
    END AS outline
FROM (
    SELECT
        message_key, message_value, source_partition, source_offset, source_timestamp,
        COALESCE(TRY_CAST(DECODE(headers['attempts'], 'UTF-8') AS INT), 0) AS attempts,
        -- A longer one is not looked into. ISO-8859-1 has a character for each byte.
        CASE WHEN CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) <= ${max_record_bytes} THEN DECODE(message_value, 'UTF-8') END AS value_text
    FROM records
)
