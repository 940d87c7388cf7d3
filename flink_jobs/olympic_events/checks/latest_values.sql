-- Per type and athlete the latest good value: by the record's timestamp, then its partition and offset.
SELECT *
FROM elements
WHERE good AND position IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY type, id ORDER BY source_timestamp DESC, source_partition DESC, source_offset DESC
) = 1
