-- The three highest scores of each nationality: the only ranking of all athletes. The next views need only these rows.
CREATE TEMPORARY VIEW leaders AS
SELECT id, name, nationality, score
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY nationality ORDER BY score DESC, id) AS row_num FROM athletes)
WHERE row_num <= 3
