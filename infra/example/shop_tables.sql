-- The tables of a shop as an application would have made them over the years: every type of column, keys of one and of
-- several columns and none, foreign keys, generated columns, and old character sets.
CREATE TABLE categories (
    id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent_id SMALLINT UNSIGNED,
    name VARCHAR(60) NOT NULL,
    code CHAR(6) CHARACTER SET latin1 NOT NULL,
    UNIQUE KEY (code),
    FOREIGN KEY (parent_id) REFERENCES categories (id)
) CHARACTER SET utf8mb4;

CREATE TABLE products (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    category_id SMALLINT UNSIGNED NOT NULL,
    name VARCHAR(120) NOT NULL,
    description TEXT,
    weight_grams MEDIUMINT UNSIGNED,
    is_available BOOL NOT NULL DEFAULT TRUE,
    first_sold YEAR,
    sizes SET('S', 'M', 'L', 'XL'),
    attributes JSON,
    vat DECIMAL(4, 1) NOT NULL,
    FOREIGN KEY (category_id) REFERENCES categories (id)
) CHARACTER SET utf8mb4;

CREATE TABLE product_prices (
    product_id INT UNSIGNED NOT NULL,
    valid_from DATE NOT NULL,
    price DECIMAL(12, 2) NOT NULL,
    exchange_rate DECIMAL(65, 30),
    changed_at TIMESTAMP(6) NULL,
    PRIMARY KEY (product_id, valid_from),
    FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE product_images (
    sha256 BINARY(32) NOT NULL PRIMARY KEY,
    product_id INT UNSIGNED NOT NULL,
    content BLOB,
    thumbnail VARBINARY(64),
    flags BIT(12) NOT NULL DEFAULT b'0',
    FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE customers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    first_name VARCHAR(60) NOT NULL,
    last_name VARCHAR(60) NOT NULL,
    full_name VARCHAR(121) AS (CONCAT(first_name, ' ', last_name)) STORED,
    email VARCHAR(120) CHARACTER SET latin1 NOT NULL,
    born DATE,
    registered DATETIME(3) NOT NULL,
    level ENUM('bronze', 'silver', 'gold') NOT NULL,
    balance DOUBLE NOT NULL,
    UNIQUE KEY (email)
) CHARACTER SET utf8mb4;

CREATE TABLE addresses (
    customer_id BIGINT UNSIGNED NOT NULL,
    number TINYINT UNSIGNED NOT NULL,
    street VARCHAR(100) NOT NULL,
    city VARCHAR(60) NOT NULL,
    country CHAR(2) NOT NULL,
    location POINT,
    PRIMARY KEY (customer_id, number),
    FOREIGN KEY (customer_id) REFERENCES customers (id)
) CHARACTER SET utf8mb4;

CREATE TABLE orders (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    ordered_at DATETIME(6) NOT NULL,
    shipped_at TIMESTAMP NULL,
    time_to_ship TIME(3),
    status ENUM('new', 'paid', 'shipped', 'returned') NOT NULL,
    note TINYTEXT,
    FOREIGN KEY (customer_id) REFERENCES customers (id)
) CHARACTER SET utf8mb4;

CREATE TABLE order_lines (
    order_id BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    product_id INT UNSIGNED NOT NULL,
    quantity SMALLINT NOT NULL,
    price DECIMAL(12, 2) NOT NULL,
    total DECIMAL(14, 2) AS (quantity * price) VIRTUAL,
    PRIMARY KEY (order_id, line),
    FOREIGN KEY (order_id) REFERENCES orders (id),
    FOREIGN KEY (product_id) REFERENCES products (id)
);

-- It does not have a primary key, but a unique one.
CREATE TABLE payments (
    reference CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id BIGINT NOT NULL,
    amount DECIMAL(14, 2) NOT NULL,
    paid_at DATETIME,
    provider_response LONGTEXT,
    UNIQUE KEY (reference),
    FOREIGN KEY (order_id) REFERENCES orders (id)
) CHARACTER SET utf8mb4;

CREATE TABLE reviews (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    product_id INT UNSIGNED NOT NULL,
    stars TINYINT NOT NULL,
    review MEDIUMTEXT,
    written DATE NOT NULL,
    FOREIGN KEY (product_id) REFERENCES products (id)
) CHARACTER SET utf8mb4;
