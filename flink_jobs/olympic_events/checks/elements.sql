-- Every element of every record of the source topic, validated against docs/records.md, independently of the job. A valid
-- null deletes the athlete's value. A record that is invalid as a whole, or does not have elements, is one row without a
-- position. value_json is NULL if the record is not strict JSON.
WITH validated AS (
    SELECT
        source_partition, source_offset, source_timestamp, value_json,
        value_json ->> '$.type' AS type,
        COALESCE(TRY_CAST(value_json ->> '$.first_id' AS BIGINT), 1) AS first_id,
        CAST(COALESCE(json_array_length(value_json, '$.data'), 0) AS BIGINT) AS elements,
        COALESCE(
            octet_length(message_value) <= ${record_join.max_record_bytes}
            AND json_type(value_json) = 'OBJECT'
            AND list_has_all(['type', 'data', 'first_id'], json_keys(value_json))
            AND json_type(value_json, '$.type') = 'VARCHAR'
            AND (value_json ->> '$.type') IN ('name', 'score', 'nationality')
            AND json_type(value_json, '$.data') = 'ARRAY'
            AND (
                NOT json_exists(value_json, '$.first_id')
                OR json_type(value_json, '$.first_id') IN ('UBIGINT', 'BIGINT')
                AND TRY_CAST(value_json ->> '$.first_id' AS BIGINT) BETWEEN 1 AND 2147483647
            ),
            false
        ) AS is_valid
    FROM records
), elements AS (
    SELECT
        source_partition, source_offset, source_timestamp, type, first_id,
        unnest(json_extract(value_json, '$.data[*]')) AS element,
        unnest(range(elements)) AS position
    FROM validated
    WHERE is_valid
)
SELECT
    source_partition, source_offset, source_timestamp, position, type, first_id + position AS id, element ->> '$' AS value,
    CASE
        WHEN first_id + position > 2147483647 THEN false
        WHEN json_type(element) = 'NULL' THEN true
        WHEN type = 'score' THEN
            json_type(element) IN ('UBIGINT', 'BIGINT')
            AND COALESCE(TRY_CAST(element ->> '$' AS BIGINT) BETWEEN -2147483648 AND 2147483647, false)
        WHEN type = 'name' THEN json_type(element) = 'VARCHAR' AND length(element ->> '$') <= 255
        ELSE json_type(element) = 'VARCHAR' AND length(element ->> '$') <= 100
    END AS is_valid
FROM elements
UNION ALL
SELECT source_partition, source_offset, source_timestamp, NULL, type, NULL, NULL, is_valid
FROM validated
WHERE NOT is_valid OR elements = 0
