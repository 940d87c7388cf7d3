EXECUTE STATEMENT SET BEGIN
INSERT INTO quarantine_topic (
    source_topic, source_partition, source_offset, source_timestamp, reason, attempts, message_key, message_value
)
    SELECT '${source_topic}', source_partition, source_offset, source_timestamp, reason, attempts, message_key, message_value
    FROM validated_records WHERE reason IS NOT NULL;
INSERT INTO athletes_topic SELECT name, id, nationality, score FROM athletes;
INSERT INTO duplicates_topic SELECT id, name, nationality, score, kept_id FROM duplicates;
INSERT INTO nationality_stats_topic
    SELECT nationality, athletes, average_score, top_athlete, top_athlete_id, top_score FROM nationality_stats;
INSERT INTO best_nationality_topic SELECT `position`, nationality, average_score, top_athlete, top_score FROM best_nationality;
INSERT INTO top_athletes_topic SELECT `rank`, id, name, nationality, score FROM top_athletes;
END
