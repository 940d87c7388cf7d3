-- The filter is always true. Without it several queries share the bare stream, which the planner leaves without the operator
-- that ends a mini-batch: results would then change only at checkpoints (tests/jobs/test_plan.py).
CREATE TEMPORARY VIEW athletes AS
SELECT id, name, nationality, score FROM first_rows WHERE NOT deleted
