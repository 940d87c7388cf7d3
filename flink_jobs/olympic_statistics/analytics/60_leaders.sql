-- The three highest of each nationality: the only ranking over all athletes. What follows is derived from these few rows.
CREATE TEMPORARY VIEW leaders AS
SELECT id, name, nationality, score
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY nationality ORDER BY score DESC, id) AS row_num FROM athletes)
WHERE row_num <= 3
