-- The good records as a table again: the last one of an id counts, and one without a value takes the row away.
CREATE TEMPORARY VIEW players AS
SELECT id, name, nationality, score
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived_at DESC) AS row_num
    FROM judged_records
    WHERE reason IS NULL
)
WHERE row_num = 1 AND NOT deleted
