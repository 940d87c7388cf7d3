CREATE TEMPORARY VIEW athletes AS
SELECT id, name, nationality, score FROM first_rows
