"""The preflight of captured tables on a real server: what is found, and every reason to refuse a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import PreflightError
from infra.mysql.connection import Connection, connect
from infra.mysql.preflight_tables import check_tables_ready
from infra.pipeline import CapturedTable, MySqlSource, TableTopics
from tests.local.mysql.conftest import Database


@pytest.fixture
def create(owner: MySqlEndpoint) -> Callable[..., None]:
    """A function that runs statements as the application that owns the tables."""

    def run(*statements: str) -> None:
        with connect(owner) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return run


def source(name: str, *tables: str) -> MySqlSource:
    return MySqlSource(database=name, tables=tables, topics=TableTopics(prefix="shop.", partitions=1))


def failures(cdc: MySqlEndpoint, name: str, *tables: str) -> list[str]:
    with pytest.raises(PreflightError) as caught:
        check_tables_ready(cdc, source(name, *tables))
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def unseen(name: str, pattern: str) -> str:
    return (
        f"{pattern!r} does not match a table of `{name}`, or this user cannot see it. Fix source.mysql.tables, create "
        "the table, or grant SELECT."
    )


def test_tables_and_their_keys(cdc: MySqlEndpoint, name: str, create: Callable[..., None]) -> None:
    create(
        "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1)",
        "CREATE TABLE order_items (line INT, orders INT, PRIMARY KEY (orders, line))",
        "CREATE TABLE order_notes (code VARCHAR(9) NOT NULL, old INT, UNIQUE KEY a (old), UNIQUE KEY b (code))",
        "CREATE TABLE other (a INT)",
    )

    ready = check_tables_ready(cdc, source(name, "order_*", "customers"))

    assert ready.tables == (
        CapturedTable("customers", ("id",), "id", ("name",), (("id", "int", 0), ("name", "varchar", 0))),
        CapturedTable("order_items", ("orders", "line"), "orders", (), (("line", "int", 0), ("orders", "int", 0))),
        CapturedTable("order_notes", ("code",), "code", (), (("code", "varchar", 0), ("old", "int", 0))),
    )
    assert ready.lines[-3:] == (
        "ok table customers is captured by id",
        "ok table order_items is captured by orders, line",
        "ok table order_notes is captured by code",
    )


def test_every_problem_is_listed_at_once(
    database: Database, cdc: MySqlEndpoint, name: str, create: Callable[..., None]
) -> None:
    create(
        "CREATE TABLE loose (a INT UNIQUE, note TEXT CHARACTER SET gbk)",
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT PRIMARY KEY, parent INT, CONSTRAINT of_parent FOREIGN KEY (parent) "
        "REFERENCES parent (id) ON DELETE CASCADE)",
        "CREATE VIEW seen AS SELECT 1 AS id",
    )

    cascade = (
        "table child: the foreign key of_parent changes its rows with those of another table, and the binlog does not "
        "contain these changes. Change the rules of the key to RESTRICT, or remove the table."
    )
    assert failures(cdc, name, "*", "nothing_*", "gone") == [
        unseen(name, "nothing_*"),
        unseen(name, "gone"),
        # The newer MySQL has the changes in its binlog.
        *([cascade] if database.server == "mariadb" else []),
        (
            "column note of table loose has the character set gbk, of which the CDC connector does not decode every "
            "character. Convert the column to utf8mb4, or remove the table."
        ),
        (
            "table loose has neither a primary key nor a unique key of NOT NULL columns. Add one with ALTER TABLE, or "
            "remove the table."
        ),
        "table seen is a view. Expected a base table. Remove it from source.mysql.tables.",
    ]


def test_missing_privilege(cdc: MySqlEndpoint, name: str, create: Callable[..., None], admin: Connection) -> None:
    create("CREATE TABLE customers (id INT PRIMARY KEY)")
    escaped = name.replace("_", r"\_")
    admin.query(f"REVOKE SELECT ON `{escaped}`.* FROM {name}_cdc")

    assert failures(cdc, name, "customers") == [unseen(name, "customers")]


def test_large_table_with_a_key_of_text(cdc: MySqlEndpoint, name: str, create: Callable[..., None]) -> None:
    digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 "
    digits += "UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    joined = " JOIN ".join(f"{digits} AS d{n}" for n in range(5))
    create(
        "CREATE TABLE words (word VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY)",
        "CREATE TABLE exact (word VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY)",
        *(
            f"INSERT INTO {table} SELECT CONCAT(d0.d, d1.d, d2.d, d3.d, d4.d) FROM {joined}"
            for table in ("words", "exact")
        ),
        "COMMIT",
    )

    assert failures(cdc, name, "words", "exact") == [
        (
            "table words has more than 50,000 rows, which the job reads in parts of its key, and orders the parts of "
            "varchar(9) in another way than the server. Add an integer column to the key, or give a text column a "
            "collation that ends with _bin."
        )
    ]
