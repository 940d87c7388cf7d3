CREATE TABLE beats (beat INT) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '5',
    'fields.beat.min' = '1',
    'fields.beat.max' = '9'
)
