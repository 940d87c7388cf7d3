-- Exact under updates and deletes: the state is an integer sum and a count, which are divided at the end.
CREATE TEMPORARY VIEW nationality_averages AS
SELECT nationality, athletes, CAST(total AS DOUBLE) / athletes AS average_score
FROM (SELECT nationality, COUNT(*) AS athletes, SUM(CAST(score AS BIGINT)) AS total FROM athletes GROUP BY nationality)
