CREATE TEMPORARY VIEW nationality_stats AS
SELECT
    averages.nationality, averages.athletes, averages.average_score,
    top.name AS top_athlete, top.id AS top_athlete_id, top.score AS top_score
FROM nationality_averages AS averages
JOIN (
    SELECT id, name, nationality, score
    FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY nationality ORDER BY score DESC, id) AS row_num FROM leaders)
    WHERE row_num = 1
) AS top ON averages.nationality = top.nationality
