-- Data Join: an athlete is an entry as long as name, nationality and score are known.
CREATE TEMPORARY VIEW entries AS
SELECT names.id, name, nationality, score
FROM names JOIN nationalities ON names.id = nationalities.id JOIN scores ON names.id = scores.id
