-- Duplicate Check: of the rows with the same name, the one with the lowest id counts.
CREATE TEMPORARY VIEW athletes AS
SELECT id, name, nationality, score
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) AS row_num FROM players)
WHERE row_num = 1
