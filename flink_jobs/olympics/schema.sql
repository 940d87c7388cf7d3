-- The source table. Text is compared exactly, including case, accents and trailing spaces, as in Flink.
-- MySQL and MariaDB have different names for this collation, and each reads only its own comment. MySQL before 8.0.17 does
-- not have one.
CREATE TABLE IF NOT EXISTS players (
    id          INT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name        VARCHAR(255) NOT NULL,
    nationality VARCHAR(100) NOT NULL,
    score       INT          NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
    /*M!100202 COLLATE utf8mb4_nopad_bin */
    /*!80017 COLLATE utf8mb4_0900_bin */;
