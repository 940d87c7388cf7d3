CREATE TABLE nothing WITH ('connector' = 'blackhole') LIKE records (EXCLUDING ALL)
