-- Data Join: the complete athletes, whose name, score and nationality are known.
SELECT id, name, nationality, CAST(score AS INTEGER) AS score
FROM (
    SELECT
        CAST(id AS INTEGER) AS id,
        MAX(value) FILTER (WHERE type = 'name') AS name,
        MAX(value) FILTER (WHERE type = 'nationality') AS nationality,
        MAX(value) FILTER (WHERE type = 'score') AS score
    FROM latest_values
    GROUP BY id
)
WHERE name IS NOT NULL AND nationality IS NOT NULL AND score IS NOT NULL
