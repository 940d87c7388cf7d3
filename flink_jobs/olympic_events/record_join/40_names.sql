-- The latest value per type and athlete counts: by the record's timestamp, then its partition and offset. A null deletes
-- the athlete's value. There is one view per type, so that the id is its unique key, which makes the join's state smaller.
CREATE TEMPORARY VIEW names AS
SELECT id, element_text AS name
FROM (
    SELECT id, element_text, ROW_NUMBER() OVER (
        PARTITION BY id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
    ) AS row_num
    FROM elements
    WHERE id IS NOT NULL AND type = 'name'
)
WHERE row_num = 1 AND element_text IS NOT NULL
