-- The filter is always true. Without it the planner takes an average of scores for a number that only grows, and the rank
-- would forget the nationality that is best after the best one falls (FLINK: UpdateFastStrategy; tests/jobs/test_plan.py).
CREATE TEMPORARY VIEW best_nationality AS
SELECT row_num AS `position`, nationality, average_score, top_athlete, top_score
FROM (
    SELECT *, ROW_NUMBER() OVER (ORDER BY average_score DESC, nationality) AS row_num
    FROM nationality_stats
    WHERE athletes > 0
)
WHERE row_num = 1
