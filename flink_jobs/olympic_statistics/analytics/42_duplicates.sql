CREATE TEMPORARY VIEW duplicates AS
SELECT id, name, nationality, score, kept_id FROM other_rows
