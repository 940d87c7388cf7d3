-- 1e0 makes the quotient a double, as the contract requires; a decimal would be rounded to four digits.
WITH athletes AS (
    SELECT id, name, nationality, score
    FROM (SELECT players.*, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) AS copy FROM players) AS numbered
    WHERE copy = 1
), ranked AS (
    SELECT id, name, nationality, score,
        COUNT(*) OVER (PARTITION BY nationality) AS athletes,
        SUM(score) OVER (PARTITION BY nationality) AS total,
        ROW_NUMBER() OVER (PARTITION BY nationality ORDER BY score DESC, id) AS place
    FROM athletes
)
SELECT nationality, athletes, total * 1e0 / athletes AS average_score,
    name AS top_athlete, id AS top_athlete_id, score AS top_score
FROM ranked
WHERE place = 1
