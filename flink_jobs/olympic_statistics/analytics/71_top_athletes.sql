CREATE TEMPORARY VIEW top_athletes AS
SELECT row_num AS `rank`, id, name, nationality, score
FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY score DESC, id) AS row_num FROM leaders)
WHERE row_num <= 3
