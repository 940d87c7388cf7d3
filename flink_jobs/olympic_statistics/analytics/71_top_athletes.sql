-- The three best of all are among the three best of each nationality.
CREATE TEMPORARY VIEW top_athletes AS
SELECT row_num AS `rank`, id, name, nationality, score
FROM (
    SELECT *, ROW_NUMBER() OVER (ORDER BY score DESC, id) AS row_num
    FROM (
        SELECT leader.id, leader.name, nationality, leader.score
        FROM nationalities CROSS JOIN UNNEST(leaders) AS leader (id, name, score)
    )
)
WHERE row_num <= 3
