-- What became of each element of the feed. Whether it is good, the latest and complete is worked out from the feed; whether
-- it was counted or quarantined is looked up in the topics. Where the two do not fit there is no outcome, but a gap.
WITH quarantined AS (
    SELECT DISTINCT source_partition, source_offset, position FROM quarantine WHERE source_topic = 'olympic_data'
), judged AS (
    SELECT
        elements.*,
        quarantined.source_offset IS NOT NULL AS is_quarantined,
        latest_values.id IS NOT NULL AS is_latest,
        players.id IS NOT NULL AS is_complete,
        entries.key IS NOT NULL AS is_entry,
        COALESCE(entries.value ->> elements.type = elements.value, false) AS is_in_entry,
        athletes.key IS NOT NULL AS is_athlete,
        duplicates.key IS NOT NULL AS is_duplicate
    FROM elements
    LEFT JOIN quarantined
        ON elements.source_partition = quarantined.source_partition AND elements.source_offset = quarantined.source_offset
        AND elements.position IS NOT DISTINCT FROM quarantined.position
    LEFT JOIN latest_values
        ON elements.source_partition = latest_values.source_partition AND elements.source_offset = latest_values.source_offset
        AND elements.position = latest_values.position
    LEFT JOIN players ON elements.id = players.id
    LEFT JOIN entries ON elements.id = CAST(entries.value ->> 'id' AS BIGINT)
    LEFT JOIN athletes ON elements.id = CAST(athletes.value ->> 'id' AS BIGINT)
    LEFT JOIN duplicates ON elements.id = CAST(duplicates.value ->> 'id' AS BIGINT)
)
SELECT
    source_partition, source_offset, position,
    CASE
        WHEN NOT good THEN CASE WHEN is_quarantined THEN 'quarantined' END
        WHEN is_quarantined THEN NULL
        WHEN position IS NULL THEN 'without elements'
        WHEN NOT is_latest THEN 'superseded'
        WHEN value IS NULL THEN CASE WHEN NOT is_entry THEN 'deleted' END
        WHEN NOT is_complete THEN CASE WHEN NOT is_entry THEN 'waiting for its other parts' END
        WHEN NOT is_in_entry THEN NULL
        WHEN is_athlete AND NOT is_duplicate THEN 'counted'
        WHEN is_duplicate AND NOT is_athlete THEN 'duplicate'
    END AS disposition,
    CASE
        WHEN NOT good THEN 'is bad and not in the quarantine'
        WHEN is_quarantined THEN 'is good and in the quarantine'
        WHEN value IS NULL OR NOT is_complete THEN 'belongs to no entry, and there is one with its id'
        WHEN NOT is_in_entry THEN 'is the latest value and not in the entry with its id'
        WHEN is_athlete THEN 'is both counted and a duplicate'
        ELSE 'is neither counted nor a duplicate'
    END AS problem
FROM judged
