-- The highest average; in a tie the first nationality by code point, which is the order of the binary collation.
WITH athletes AS (
    SELECT id, name, nationality, score
    FROM (SELECT players.*, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) AS copy FROM players) AS numbered
    WHERE copy = 1
), ranked AS (
    SELECT name, nationality, score,
        SUM(score) OVER (PARTITION BY nationality) * 1e0 / COUNT(*) OVER (PARTITION BY nationality) AS average_score,
        ROW_NUMBER() OVER (PARTITION BY nationality ORDER BY score DESC, id) AS place
    FROM athletes
)
SELECT 1 AS position, nationality, average_score, name AS top_athlete, score AS top_score
FROM ranked
WHERE place = 1
ORDER BY average_score DESC, nationality
LIMIT 1
