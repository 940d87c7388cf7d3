EXECUTE STATEMENT SET BEGIN
INSERT INTO quarantine_topic (
    source_topic, source_partition, source_offset, source_timestamp, reason, attempts, message_key, message_value
)
    SELECT '${source_topic}', source_partition, source_offset, source_timestamp, reason, attempts, message_key, message_value
    FROM validated_records WHERE reason IS NOT NULL;
INSERT INTO quarantine_topic
    SELECT '${source_topic}', source_partition, source_offset, source_timestamp, 'invalid elements', invalid_elements, elements,
        attempts, message_key, message_value
    FROM elements WHERE invalid_elements IS NOT NULL;
INSERT INTO entries_topic SELECT id, name, nationality, score FROM athletes;
END
