-- The rows that do not count, with the id of the row that does.
SELECT id, name, nationality, score, kept_id
FROM (SELECT players.*, MIN(id) OVER (PARTITION BY name) AS kept_id FROM players) AS numbered
WHERE id <> kept_id
