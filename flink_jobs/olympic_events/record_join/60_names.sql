-- Per type and athlete the latest value counts: by the record's timestamp, then its partition and offset. One that is null
-- took the athlete's value away. A view for each type has the id as its key, which the join makes use of.
CREATE TEMPORARY VIEW names AS
SELECT id, data_value AS name
FROM (
    SELECT id, data_value, ROW_NUMBER() OVER (
        PARTITION BY id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
    ) AS row_num
    FROM judged_elements
    WHERE reason IS NULL AND type = 'name'
)
WHERE row_num = 1 AND data_value IS NOT NULL
