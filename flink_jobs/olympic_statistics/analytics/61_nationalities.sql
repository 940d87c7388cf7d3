CREATE TEMPORARY VIEW nationalities AS
SELECT
    nationality, athletes, CAST(total AS DOUBLE) / athletes AS average_score,
    leaders[1].name AS top_athlete, leaders[1].id AS top_athlete_id, leaders[1].score AS top_score, leaders
FROM nationality_totals
