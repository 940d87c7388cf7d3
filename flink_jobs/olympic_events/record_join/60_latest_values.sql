-- Per type and athlete the latest value counts: by the record's timestamp, then its partition and offset.
CREATE TEMPORARY VIEW latest_values AS
SELECT type, id, data_value
FROM (
    SELECT
        type, id, data_value,
        ROW_NUMBER() OVER (
            PARTITION BY type, id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
        ) AS row_num
    FROM judged_elements
    WHERE reason IS NULL
)
WHERE row_num = 1
