"""Loading the shop: ten tables of a fictional shop, with the same rows on every server.

The server generates the rows, from `shop_tables.sql` and `shop_rows.sql`. While they are generated, the database has
the additional table `numbers`; so a load that was interrupted is recognized, and starts again.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import Connection, connect, fetch_rows, quoted
from infra.progress import Progress, Report

DATABASE = "shop"
ROWS = 1_000_000
MINIMUM_ROWS = 10_000
CHUNK_ROWS = 50_000
# Rows of each table if the tables have a million rows together, in the order in which their keys allow loading.
ROWS_PER_MILLION = {
    "categories": 200, "products": 20_000, "product_prices": 40_000, "product_images": 2_000, "customers": 80_000,
    "addresses": 100_000, "orders": 200_000, "order_lines": 400_000, "payments": 150_000, "reviews": 7_800,
}  # fmt: skip
_FOLDER = Path(__file__).parent
_TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"
_DIGITS = " UNION ALL ".join(f"SELECT {digit}{' AS d' if digit == 0 else ''}" for digit in range(10))


def load_shop(admin: MySqlEndpoint, report: Report, rows: int = ROWS) -> list[str]:
    """Create the database `shop` with about `rows` rows, and return a line for each table.

    Safe to repeat. SchemaError if the database has other tables; nothing is changed then.
    """
    with connect(admin) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(DATABASE)} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {quoted(DATABASE)}")
        found = {str(row[0]) for row in fetch_rows(connection, _TABLES)}
        others = sorted(found - {*ROWS_PER_MILLION, "numbers"})
        if others:
            raise SchemaError(
                f"{admin}: the database {DATABASE!r} has other tables ({', '.join(others)}). Expected none, because "
                "the example does not change data that is not its own. Drop the database, or move its tables."
            )
        if found == ROWS_PER_MILLION.keys():
            return _summary(connection, "unchanged")
        for table in ("numbers", *reversed(ROWS_PER_MILLION)):
            cursor.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
        sizes = {table: max(1, share * rows // 1_000_000) for table, share in ROWS_PER_MILLION.items()}
        _create_numbers(connection, max(sizes.values()))
        for statement in _statements("shop_tables.sql"):
            cursor.execute(statement)
        _insert_rows(connection, sizes, report)
        cursor.execute("DROP TABLE numbers")
        return _summary(connection, "created")


def _create_numbers(connection: Connection, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (n BIGINT NOT NULL PRIMARY KEY)")
        digits = [f"({_DIGITS}) AS d{place}" for place in range(len(str(last)))]
        number = " + ".join(f"d{place}.d * {10**place}" for place in range(len(digits)))
        cursor.execute(f"INSERT INTO numbers SELECT {number} + 1 AS n FROM {', '.join(digits)} HAVING n <= {last}")  # noqa: S608, no input
        connection.commit()


def _insert_rows(connection: Connection, sizes: dict[str, int], report: Report) -> None:
    progress, done = Progress(report, "shop: generating rows", total=sum(sizes.values())), 0
    with connection.cursor() as cursor:
        for size, statement in zip(sizes.values(), _statements("shop_rows.sql"), strict=True):
            for first in range(1, size + 1, CHUNK_ROWS):
                last = min(size, first + CHUNK_ROWS - 1)
                cursor.execute(Template(statement).substitute(sizes, first=first, last=last))
                connection.commit()
                done += last - first + 1
                progress.update(done)


def _statements(file: str) -> list[str]:
    text = (_FOLDER / file).read_text(encoding="utf-8")
    return [statement.strip() for statement in re.split(r";\n", text) if statement.strip()]


def _summary(connection: Connection, change: str) -> list[str]:
    counts = {
        table: fetch_rows(connection, f"SELECT COUNT(*) FROM {quoted(table)}")[0][0]  # noqa: S608, the name is quoted
        for table in ROWS_PER_MILLION
    }
    return [f"{DATABASE}.{table}: {change} ({count:,} rows)" for table, count in counts.items()]
