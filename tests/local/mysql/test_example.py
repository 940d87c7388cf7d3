"""The example shop on a real server: loaded once, again after an interruption, and never over other tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.errors import SchemaError
from infra.example.shop import DATABASE, ROWS_PER_MILLION, load_shop
from infra.mysql.connection import connect, fetch_rows
from infra.progress import silent
from tests.local.mysql.conftest import Database

ROWS = 20_000
TABLES = list(ROWS_PER_MILLION)


@pytest.fixture
def shop(database: Database) -> Iterator[Database]:
    yield database
    execute(database, f"DROP DATABASE IF EXISTS {DATABASE}")


def execute(database: Database, *statements: str) -> list[tuple[object, ...]]:
    with connect(database.admin) as connection:
        found: list[tuple[object, ...]] = []
        for statement in statements:
            found = fetch_rows(connection, statement)
        connection.commit()
        return found


def load(database: Database) -> list[str]:
    return load_shop(database.admin, silent, ROWS)


def test_every_table_has_its_share_of_the_rows(shop: Database) -> None:
    lines = load(shop)

    sizes = [share * ROWS // 1_000_000 for share in ROWS_PER_MILLION.values()]
    assert sum(sizes) == ROWS
    expected = [f"shop.{table}: created ({size:,} rows)" for table, size in zip(TABLES, sizes, strict=True)]
    assert lines == expected
    assert load(shop) == [line.replace("created", "unchanged") for line in expected]
    found = execute(shop, f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{DATABASE}'")
    assert sorted(str(table) for (table,) in found) == sorted(TABLES)


def test_rows_are_the_same_on_every_server(shop: Database) -> None:
    load(shop)

    columns = "reference, order_id, amount, COALESCE(paid_at, '-'), COALESCE(provider_response, '-')"
    [(checksum,)] = execute(shop, f"SELECT SUM(CRC32(CONCAT_WS('|', {columns}))) FROM {DATABASE}.payments")
    [(price, rate, changed)] = execute(
        shop, f"SELECT MAX(price), MIN(exchange_rate), MAX(changed_at) FROM {DATABASE}.product_prices"
    )
    [(longest,)] = execute(shop, f"SELECT MAX(time_to_ship) FROM {DATABASE}.orders")

    assert [str(checksum), str(price), str(rate), str(changed), str(longest)] == [
        "6353992176106",
        "99673.85",
        "-1.777777777777777777777965531904",
        "2025-06-01 09:11:33.572607",
        "34 days, 17:16:43.125000",
    ]


def test_interrupted_load_starts_again(shop: Database) -> None:
    load(shop)
    execute(shop, f"CREATE TABLE {DATABASE}.numbers (n INT)", f"DROP TABLE {DATABASE}.reviews")

    assert load(shop)[0] == "shop.categories: created (4 rows)"


def test_database_of_somebody_else_is_refused(shop: Database) -> None:
    execute(shop, f"CREATE DATABASE {DATABASE}", f"CREATE TABLE {DATABASE}.invoices (id INT)")

    with pytest.raises(SchemaError) as caught:
        load(shop)

    assert str(caught.value).endswith(
        ": the database 'shop' has other tables (invoices). Expected none, because the example does not change data "
        "that is not its own. Drop the database, or move its tables."
    )
    assert execute(shop, f"SHOW TABLES IN {DATABASE}") == [("invoices",)]
