-- The rows of each table with the numbers from ${first} to ${last}; the names of tables stand for their numbers of rows.
-- CRC32 spreads the numbers, so that the same rows are generated on every server.
INSERT INTO categories
SELECT n, IF(n <= 10, NULL, n % 10 + 1), CONCAT(ELT(n % 5 + 1, 'Schuhe', 'Sport', 'Küche', '家电', 'Ski'), ' ', n), LPAD(n, 6, '0')
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO products
SELECT
    n, n % ${categories} + 1, CONCAT(ELT(n % 4 + 1, 'Läufer', 'Cup ☕', 'Jacket', 'Poêle'), ' ', n),
    IF(n % 7 = 0, NULL, CONCAT('It is number ', n, ',\nand "comes" with\ta tab.')), IF(n % 11 = 0, NULL, CRC32(n) % 16777216), n % 13 <> 0,
    IF(n % 17 = 0, NULL, 1970 + n % 56), IF(n % 5 = 0, NULL, n % 16),
    IF(n % 3 = 0, NULL, CONCAT('{"color": "', ELT(n % 3 + 1, 'rot', 'blå', '緑'), '", "depth": ', n % 100, '.50, "tags": ["a", null, true]}')),
    IF(n % 4 = 0, 10.0, 20.0)
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO product_prices
SELECT
    (n - 1) % ${products} + 1, DATE_ADD('2020-01-01', INTERVAL n - 1 DAY), CRC32(n) % 10000000 / 100,
    IF(n % 9 = 0, NULL, CAST(CONCAT(n % 3 - 1, '.', LPAD(CRC32(n), 30, '7')) AS DECIMAL(65, 30))),
    IF(n % 6 = 0, NULL, TIMESTAMPADD(MICROSECOND, CRC32(n), '2025-06-01 08:00:00'))
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO product_images
SELECT UNHEX(SHA2(n, 256)), n % ${products} + 1, REPEAT(UNHEX(LEFT(SHA2(n, 224), 32)), 8), IF(n % 5 = 0, NULL, CONCAT(UNHEX(LEFT(SHA2(-n, 224), 32)), 0x0000)), n % 4096
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO customers (id, first_name, last_name, email, born, registered, level, balance)
SELECT
    9223372036854775808 + n, ELT(n % 8 + 1, 'Anna', 'Björn', 'Chloé', 'Dušan', 'Ema', '芳', 'Greta 🏅', 'Hugo'),
    CONCAT(ELT(n % 5 + 1, 'Huber', 'O''Neill', 'Łukasz', 'Ødegård', 'Müller'), ' ', n), CONCAT('customer', n, '@example.com'),
    IF(n % 10 = 0, NULL, DATE_ADD('1940-01-01', INTERVAL CRC32(n) % 25000 DAY)),
    TIMESTAMPADD(MICROSECOND, n * 1000, '2024-02-29 23:59:59'), n % 3 + 1, (CAST(CRC32(n) AS SIGNED) - 2147483648) / 1000
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO addresses
SELECT
    9223372036854775808 + (n - 1) % ${customers} + 1, (n - 1) DIV ${customers} + 1, CONCAT('Straße ', n % 500),
    ELT(n % 4 + 1, 'Wien', 'Århus', 'Málaga', '東京'), ELT(n % 4 + 1, 'AT', 'DK', 'ES', 'JP'),
    IF(n % 8 = 0, NULL, ST_GeomFromText(CONCAT('POINT(', n % 180, '.25 ', n % 90, '.5)')))
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO orders
SELECT
    n, 9223372036854775808 + CRC32(n) % ${customers} + 1, TIMESTAMPADD(MICROSECOND, n * 61000001, '2025-01-01 00:00:00'),
    IF(n % 4 = 0, NULL, TIMESTAMPADD(SECOND, n * 61, '2025-01-02 00:00:00')),
    IF(n % 4 = 0, NULL, SEC_TO_TIME(CRC32(n) % 3000000 + 0.125)), n % 4 + 1, IF(n % 3 = 0, CONCAT('Ring twice, ', n, '!'), NULL)
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO order_lines (order_id, line, product_id, quantity, price)
SELECT (n - 1) % ${orders} + 1, (n - 1) DIV ${orders} + 1, CRC32(n) % ${products} + 1, n % 9 - 1, CRC32(-n) % 100000 / 100
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO payments
SELECT
    LEFT(SHA2(n, 256), 16), n % ${orders} + 1, CRC32(n) % 1000000 / 100, IF(n % 5 = 0, NULL, TIMESTAMPADD(SECOND, n, '2025-03-01 12:00:00')),
    IF(n % 2 = 0, NULL, CONCAT('<ok id="', n, '"/>'))
FROM numbers WHERE n BETWEEN ${first} AND ${last};

INSERT INTO reviews
SELECT n, CRC32(n) % ${products} + 1, n % 5 + 1, IF(n % 3 = 0, NULL, CONCAT('Fits well. ', REPEAT('★', n % 5 + 1))), DATE_ADD('2025-01-01', INTERVAL n % 500 DAY)
FROM numbers WHERE n BETWEEN ${first} AND ${last};
