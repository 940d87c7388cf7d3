-- Data Join: the complete athletes, whose name, nationality and score are known.
CREATE TEMPORARY VIEW athletes AS
SELECT names.id, name, nationality, score
FROM names JOIN nationalities ON names.id = nationalities.id JOIN scores ON names.id = scores.id
