CREATE TEMPORARY VIEW valid_records AS
SELECT id, name, nationality, score, deleted FROM validated_records WHERE reason IS NULL
