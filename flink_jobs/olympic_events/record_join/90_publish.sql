EXECUTE STATEMENT SET BEGIN
INSERT INTO quarantine_topic
    SELECT '${source_topic}', source_partition, source_offset, source_timestamp, `position`, reason, attempts,
        message_key, message_value
    FROM (
        SELECT source_partition, source_offset, source_timestamp, CAST(NULL AS INT) AS `position`, reason, attempts, message_key, message_value
        FROM validated_records WHERE reason IS NOT NULL
        UNION ALL
        SELECT source_partition, source_offset, source_timestamp, `position`, reason, attempts, message_key, message_value
        FROM validated_elements WHERE reason IS NOT NULL
    );
INSERT INTO entries_topic SELECT id, name, nationality, score FROM athletes;
END
