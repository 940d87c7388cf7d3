INSERT INTO nothing SELECT * FROM records
