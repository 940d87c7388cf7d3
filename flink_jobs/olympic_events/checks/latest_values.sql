-- The latest valid value per type and athlete: by the record's timestamp, then its partition and offset.
SELECT *
FROM elements
WHERE is_valid AND position IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY type, id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
) = 1
