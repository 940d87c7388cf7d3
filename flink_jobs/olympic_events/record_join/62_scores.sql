CREATE TEMPORARY VIEW scores AS
SELECT id, CAST(data_value AS INT) AS score
FROM (
    SELECT id, data_value, ROW_NUMBER() OVER (
        PARTITION BY id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
    ) AS row_num
    FROM validated_elements
    WHERE reason IS NULL AND type = 'score'
)
WHERE row_num = 1 AND data_value IS NOT NULL
