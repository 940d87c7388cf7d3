-- The valid records as a table: the last record of an id counts, and one without a value deletes the row.
CREATE TEMPORARY VIEW players AS
SELECT id, name, nationality, score
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived_at DESC) AS row_num
    FROM validated_records
    WHERE reason IS NULL
)
WHERE row_num = 1 AND NOT deleted
