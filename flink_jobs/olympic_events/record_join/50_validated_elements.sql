-- The reason why an element is invalid (NULL: it is valid). A null is valid and deletes the athlete's value.
CREATE TEMPORARY VIEW validated_elements AS
SELECT
    *,
    CASE
        WHEN kind IS NULL THEN CAST(NULL AS STRING)
        WHEN type = 'score' THEN
            CASE WHEN NOT REGEXP(kind, '^-?[0-9]+$') OR TRY_CAST(kind AS INT) IS NULL THEN 'the element is not a 32-bit integer' END
        WHEN kind <> 's' THEN 'the element is not a text'
        WHEN type = 'name' AND CHAR_LENGTH(data_value) > 255 THEN 'the element is longer than 255 characters'
        WHEN type = 'nationality' AND CHAR_LENGTH(data_value) > 100 THEN 'the element is longer than 100 characters'
    END AS reason
FROM elements
