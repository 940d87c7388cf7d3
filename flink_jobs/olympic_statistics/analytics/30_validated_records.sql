-- The typed fields of each record, and the first reason why it is invalid (NULL: it is valid).
CREATE TEMPORARY VIEW validated_records AS
SELECT
    message_key, message_value, source_partition, source_offset, source_timestamp, arrived_at, attempts,
    TRY_CAST(REGEXP_EXTRACT(key_id, '^\[(-?[0-9]+)\]$', 1) AS INT) AS id,
    JSON_VALUE(value_json, '$.name') AS name,
    JSON_VALUE(value_json, '$.nationality') AS nationality,
    TRY_CAST(REGEXP_EXTRACT(value_json, '"score":(-?[0-9]+)\}$', 1) AS INT) AS score,
    message_value IS NULL AS deleted,
    CASE
        WHEN message_key IS NULL THEN 'the key is missing'
        WHEN key_too_large THEN 'the key is larger than ${max_record_bytes} bytes'
        WHEN ENCODE(key_text, 'UTF-8') <> message_key THEN 'the key is not UTF-8'
        WHEN NOT key_is_whole THEN 'the key is not JSON'
        WHEN key_id IS NULL THEN 'the key has no id'
        WHEN TRY_CAST(REGEXP_EXTRACT(key_id, '^\[(-?[0-9]+)\]$', 1) AS INT) IS NULL THEN 'the id in the key is not a 32-bit integer'
        WHEN message_value IS NULL THEN CAST(NULL AS STRING)
        WHEN value_too_large THEN 'the value is larger than ${max_record_bytes} bytes'
        WHEN ENCODE(value_text, 'UTF-8') <> message_value THEN 'the value is not UTF-8'
        WHEN NOT value_is_whole THEN 'the value is not JSON'
        WHEN value_json IS NULL THEN 'the value is not a JSON object'
        -- Most records have the form of this pattern; the conditions after it find the reason for all others.
        WHEN REGEXP(value_json, '^\{"id":-?[0-9]+,"name":"(?:[^"\\]|\\.)*+","nationality":"(?:[^"\\]|\\.)*+","score":-?[0-9]+\}$') THEN
            CASE
                WHEN REGEXP_EXTRACT(value_json, '^\{"id":(-?[0-9]+)', 1) <> REGEXP_EXTRACT(key_id, '(-?[0-9]+)', 1) THEN 'the id differs from the id in the key'
                WHEN TRY_CAST(REGEXP_EXTRACT(value_json, '"score":(-?[0-9]+)\}$', 1) AS INT) IS NULL THEN 'score is not a 32-bit integer'
            END
        WHEN NOT JSON_EXISTS(value_json, '$.id') THEN 'id is missing'
        WHEN NOT JSON_EXISTS(value_json, '$.name') THEN 'name is missing'
        WHEN NOT JSON_EXISTS(value_json, '$.nationality') THEN 'nationality is missing'
        WHEN NOT JSON_EXISTS(value_json, '$.score') THEN 'score is missing'
        WHEN NOT REGEXP(value_json, '^\{"id":-?[0-9]+,') THEN 'id is not a 32-bit integer'
        WHEN NOT REGEXP(JSON_QUERY(value_json, '$.name' WITH UNCONDITIONAL ARRAY WRAPPER), '^\["') THEN 'name is not a text'
        WHEN NOT REGEXP(JSON_QUERY(value_json, '$.nationality' WITH UNCONDITIONAL ARRAY WRAPPER), '^\["') THEN 'nationality is not a text'
        ELSE 'score is not a 32-bit integer'
    END AS reason
FROM parsed_records
