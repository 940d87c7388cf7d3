-- Of the rows with the same name, the one with the lowest id counts.
SELECT name, id, nationality, score
FROM (SELECT players.*, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) AS copy FROM players) AS numbered
WHERE copy = 1
