-- The disposition of each record of the table's changelog. Records that compaction has removed were superseded.
WITH quarantined AS (
    SELECT DISTINCT source_partition, source_offset FROM quarantine WHERE source_topic = 'olympics.players'
), observed AS (
    SELECT
        records.*,
        quarantined.source_offset IS NOT NULL AS is_quarantined,
        ROW_NUMBER() OVER (
            PARTITION BY quarantined.source_offset IS NULL, message_key ORDER BY records.source_partition, records.source_offset DESC
        ) = 1 AS is_latest,
        COUNT(*) FILTER (quarantined.source_offset IS NULL) OVER (PARTITION BY message_key) > 0 AS has_valid_record,
        TRY_CAST(key_json ->> 'id' AS BIGINT) AS id
    FROM records
    LEFT JOIN quarantined
        ON records.source_partition = quarantined.source_partition AND records.source_offset = quarantined.source_offset
)
SELECT
    source_partition, source_offset, NULL AS position,
    CASE
        WHEN is_quarantined THEN
            CASE WHEN has_valid_record OR (athletes.key IS NULL AND duplicates.key IS NULL) THEN 'quarantined' END
        WHEN NOT is_latest THEN 'superseded'
        WHEN message_value IS NULL THEN CASE WHEN athletes.key IS NULL AND duplicates.key IS NULL THEN 'deleted' END
        WHEN athletes.key IS NOT NULL AND duplicates.key IS NULL THEN 'counted'
        WHEN athletes.key IS NULL AND duplicates.key IS NOT NULL THEN 'duplicate'
    END AS disposition,
    CASE
        WHEN is_quarantined THEN 'is both in the quarantine and counted'
        WHEN message_value IS NULL THEN 'deletes a row that still counts'
        WHEN athletes.key IS NOT NULL THEN 'is both counted and a duplicate'
        ELSE 'is neither counted, nor a duplicate, nor in the quarantine'
    END AS explanation
FROM observed
LEFT JOIN athletes ON observed.id = CAST(athletes.value ->> 'id' AS BIGINT)
LEFT JOIN duplicates ON observed.id = CAST(duplicates.value ->> 'id' AS BIGINT)
