-- The text of each record, and its outline: strings are emptied, and the innermost brackets are replaced by 0, eight times.
-- If a single 0 remains, the text is one object or list of at most eight levels, without trailing text. The JSON functions
-- ignore text after the first value, and thousands of nested levels would fail the job.
-- Possessive quantifiers (*+) bound the stack of the regular expressions for strings of any length.
-- RAND() < 1 is always true. It prevents the planner from copying an expression to every use of its column.
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
        -- Longer records are not parsed. ISO-8859-1 has one character per byte.
        CASE WHEN CHAR_LENGTH(DECODE(message_value, 'ISO-8859-1')) <= ${max_record_bytes} THEN DECODE(message_value, 'UTF-8') END AS value_text
    FROM records
)
