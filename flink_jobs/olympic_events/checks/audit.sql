-- The disposition of each element of the source topic. The source topic determines whether an element is valid, the latest
-- and part of a complete athlete; the other topics show whether it was counted or quarantined. If the two contradict each
-- other, the element is unaccounted: its disposition is NULL, and the explanation is the reason.
-- A record is quarantined once, as a whole or with the number of its invalid elements.
WITH quarantined AS (
    SELECT source_partition, source_offset, bool_or(invalid_elements IS NULL) AS as_whole, MAX(invalid_elements) AS invalid_elements
    FROM quarantine
    WHERE source_topic = 'olympic_data'
    GROUP BY source_partition, source_offset
), observed AS (
    SELECT
        elements.*,
        CASE
            WHEN elements.is_valid OR elements.position IS NULL THEN COALESCE(quarantined.as_whole, false)
            ELSE COALESCE(quarantined.invalid_elements, 0) = COUNT(*) FILTER (NOT elements.is_valid) OVER (
                PARTITION BY elements.source_partition, elements.source_offset
            )
        END AS is_quarantined,
        latest_values.id IS NOT NULL AS is_latest,
        players.id IS NOT NULL AS is_complete,
        entries.key IS NOT NULL AS is_joined,
        COALESCE(entries.value ->> elements.type = elements.value, false) AS is_joined_value,
        athletes.key IS NOT NULL AS is_athlete,
        duplicates.key IS NOT NULL AS is_duplicate
    FROM elements
    LEFT JOIN quarantined
        ON elements.source_partition = quarantined.source_partition AND elements.source_offset = quarantined.source_offset
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
        WHEN NOT is_valid THEN CASE WHEN is_quarantined THEN 'quarantined' END
        WHEN is_quarantined THEN NULL
        WHEN position IS NULL THEN 'empty'
        WHEN NOT is_latest THEN 'superseded'
        WHEN value IS NULL THEN CASE WHEN NOT is_joined THEN 'deleted' END
        WHEN NOT is_complete THEN CASE WHEN NOT is_joined THEN 'waiting' END
        WHEN NOT is_joined_value THEN NULL
        WHEN is_athlete AND NOT is_duplicate THEN 'counted'
        WHEN is_duplicate AND NOT is_athlete THEN 'duplicate'
    END AS disposition,
    CASE
        WHEN NOT is_valid THEN 'is invalid, but not in the quarantine'
        WHEN is_quarantined THEN 'is valid, but in the quarantine'
        WHEN value IS NULL OR NOT is_complete THEN 'belongs to an incomplete athlete, who is nevertheless in olympic_events.entries'
        WHEN NOT is_joined_value THEN 'is the latest value, but not the value of the athlete in olympic_events.entries'
        WHEN is_athlete THEN 'is both counted and a duplicate'
        ELSE 'is neither counted nor a duplicate'
    END AS explanation
FROM observed
