WITH athletes AS (
    SELECT id, name, nationality, score
    FROM (SELECT players.*, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) AS copy FROM players) AS numbered
    WHERE copy = 1
)
SELECT ROW_NUMBER() OVER (ORDER BY score DESC, id) AS "rank", id, name, nationality, score
FROM athletes
ORDER BY score DESC, id
LIMIT 3
