CREATE TEMPORARY VIEW nationalities AS
SELECT id, element_text AS nationality
FROM (
    SELECT id, element_text, ROW_NUMBER() OVER (
        PARTITION BY id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
    ) AS row_num
    FROM elements
    WHERE id IS NOT NULL AND type = 'nationality'
)
WHERE row_num = 1 AND element_text IS NOT NULL
