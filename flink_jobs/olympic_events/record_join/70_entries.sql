-- Data Join: an athlete is an entry as long as name, score and nationality are known.
CREATE TEMPORARY VIEW entries AS
SELECT names.id, names.data_value AS name, nationalities.data_value AS nationality, CAST(scores.data_value AS INT) AS score
FROM (SELECT id, data_value FROM latest_values WHERE type = 'name' AND data_value IS NOT NULL) AS names
JOIN (SELECT id, data_value FROM latest_values WHERE type = 'nationality' AND data_value IS NOT NULL) AS nationalities
    ON names.id = nationalities.id
JOIN (SELECT id, data_value FROM latest_values WHERE type = 'score' AND data_value IS NOT NULL) AS scores
    ON names.id = scores.id
