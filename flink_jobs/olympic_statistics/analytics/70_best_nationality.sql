CREATE TEMPORARY VIEW best_nationality AS
SELECT row_num AS `position`, nationality, average_score, top_athlete, top_score
FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY average_score DESC, nationality) AS row_num FROM nationality_stats)
WHERE row_num = 1
