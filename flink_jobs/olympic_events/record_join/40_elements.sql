-- Lists taken apart: a row for each element, with its athlete's id. Positions are put together from five digits, since
-- this Flink has no numbered UNNEST; each filter stops what the digits so far already put behind the list's end.
-- In kinds every string is an s, which tells "7" from 7.
CREATE TEMPORARY VIEW elements AS
SELECT
    message_key, message_value, attempts, source_partition, source_offset, source_timestamp, type,
    tens_of_thousands + thousands + hundreds + tens + ones AS `position`,
    first_id + tens_of_thousands + thousands + hundreds + tens + ones AS id,
    kinds[1 + tens_of_thousands + thousands + hundreds + tens + ones] AS kind,
    data_values[1 + tens_of_thousands + thousands + hundreds + tens + ones] AS data_value
FROM (
    SELECT
        *,
        CASE WHEN RAND() < 1 THEN JSON_QUERY(data_json, '$' RETURNING ARRAY<STRING>) END AS data_values,
        CASE WHEN RAND() < 1 THEN JSON_QUERY(REGEXP_REPLACE(data_json, '"(?:[^"\\]|\\.)*+"', '"s"'), '$' RETURNING ARRAY<STRING>) END AS kinds
    FROM judged_records
    WHERE reason IS NULL
)
CROSS JOIN UNNEST(ARRAY[0, 10000, 20000, 30000, 40000, 50000, 60000, 70000, 80000, 90000]) AS d5 (tens_of_thousands)
CROSS JOIN UNNEST(ARRAY[0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]) AS d4 (thousands)
CROSS JOIN UNNEST(ARRAY[0, 100, 200, 300, 400, 500, 600, 700, 800, 900]) AS d3 (hundreds)
CROSS JOIN UNNEST(ARRAY[0, 10, 20, 30, 40, 50, 60, 70, 80, 90]) AS d2 (tens)
CROSS JOIN UNNEST(ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) AS d1 (ones)
WHERE tens_of_thousands < elements
  AND tens_of_thousands + thousands < elements
  AND tens_of_thousands + thousands + hundreds < elements
  AND tens_of_thousands + thousands + hundreds + tens < elements
  AND tens_of_thousands + thousands + hundreds + tens + ones < elements
