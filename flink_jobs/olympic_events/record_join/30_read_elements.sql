-- A row for each valid element, whose value is NULL if it deletes the athlete's value. For a record with invalid elements
-- one more row, without an id, which lists them.
CREATE TEMPORARY VIEW read_elements AS
SELECT
    -- Only the quarantine needs the bytes; without them a row is small.
    CASE WHEN elements.id IS NULL THEN message_key END AS message_key,
    CASE WHEN elements.id IS NULL THEN message_value END AS message_value,
    attempts, source_partition, source_offset, source_timestamp, type,
    elements.id, elements.element_text, elements.invalid_elements, elements.elements
FROM (SELECT * FROM validated_records WHERE reason IS NULL)
CROSS JOIN LATERAL TABLE(READ_ELEMENTS(
    data, CASE type WHEN 'name' THEN 'STRING(255)' WHEN 'nationality' THEN 'STRING(100)' ELSE 'INT' END, first_id
)) AS elements (id, element_text, invalid_elements, elements)
