-- The latest value per type and athlete counts: by the record's timestamp, then its partition and offset. A null deletes
-- the athlete's value. There is one view per type, so that the id is its unique key, which makes the join's state smaller.
CREATE TEMPORARY VIEW names AS
SELECT id, data_value AS name
FROM (
    SELECT id, data_value, ROW_NUMBER() OVER (
        PARTITION BY id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
    ) AS row_num
    FROM validated_elements
    WHERE reason IS NULL AND type = 'name'
)
WHERE row_num = 1 AND data_value IS NOT NULL
