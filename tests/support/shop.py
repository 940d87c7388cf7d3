"""A pipeline that captures the tables of another application, a shop."""

DEFINITION = """\
name: shop
description: The tables of a shop, for everyone who needs them.
source:
  mysql:
    database: shop
    tables: [customers, "order_*"]
    topics: {prefix: shop., partitions: 2}
    server_ids: 5650-5659
jobs:
  capture: {script: ../shared/capture_tables.py, uses: [kafka, mysql], parallelism: 2}
"""
JOB = "shop.capture"
CUSTOMERS = "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(40), credit DECIMAL(12,2), since DATETIME(3))"
ORDER_ITEMS = "CREATE TABLE order_items (line INT, orders INT, amount FLOAT, PRIMARY KEY (orders, line))"
ORDERS = 200


def create_tables() -> tuple[str, ...]:
    """Return statements that create both tables, with two customers and two items of each order."""
    items = ", ".join(f"({line}, {number}, {number}.5)" for number in range(1, ORDERS + 1) for line in (1, 2))
    return (
        CUSTOMERS,
        ORDER_ITEMS,
        "INSERT INTO customers VALUES (1, 'Zoë', 10.50, '2026-02-08 10:30:00.5'), (2, NULL, -0.01, NULL)",
        f"INSERT INTO order_items VALUES {items}",
    )
