-- The rows that do not count, with the id of the row that does.
CREATE TEMPORARY VIEW duplicates AS
SELECT players.id, players.name, players.nationality, players.score, athletes.id AS kept_id
FROM players JOIN athletes ON players.name = athletes.name
WHERE players.id <> athletes.id
