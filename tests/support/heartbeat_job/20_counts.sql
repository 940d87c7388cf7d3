CREATE TABLE counts (beat INT, seen BIGINT) WITH ('connector' = 'blackhole')
