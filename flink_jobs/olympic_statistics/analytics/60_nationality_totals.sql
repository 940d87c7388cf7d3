-- Exact under updates and deletes: the state is an integer sum and a count, which are divided at the end.
CREATE TEMPORARY VIEW nationality_totals AS
SELECT nationality, COUNT(*) AS athletes, SUM(CAST(score AS BIGINT)) AS total, LEADERS(score, id, name) AS leaders
FROM first_rows_in_bursts
GROUP BY nationality
