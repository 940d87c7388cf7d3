"""A table in one consistent snapshot, as a stream of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from MySQLdb.cursors import SSCursor

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import Connection, connect, fetch_rows, quoted

BATCH_ROWS = 20_000

_COLUMNS = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE LIKE '%% unsigned%%', NUMERIC_PRECISION, NUMERIC_SCALE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"""
_ESTIMATE = "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
# Types whose values the driver returns as Python numbers, text, bytes, dates and times; others are read as text.
_READ_AS_IS = frozenset({
    "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year",
    "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set",
    "date", "datetime", "timestamp", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit",
})  # fmt: skip


@dataclass(frozen=True)
class SourceColumn:
    """A column of the table; `precision` and `scale` are those of a number."""

    name: str
    type: str
    unsigned: bool = False
    precision: int = 0
    scale: int = 0


@contextmanager
def table_snapshot(
    endpoint: MySqlEndpoint, table: str
) -> Iterator[tuple[list[SourceColumn], Iterator[list[tuple[Any, ...]]]]]:
    """Yield the columns of a table, and its rows in batches; SchemaError if the table does not exist."""
    with connect(endpoint) as connection:
        columns = [
            SourceColumn(name, kind.lower(), bool(unsigned), int(precision or 0), int(scale or 0))
            for name, kind, unsigned, precision, scale in fetch_rows(connection, _COLUMNS, [table])
        ]
        if not columns:
            raise SchemaError(
                f"{endpoint}: the table {table!r} does not exist, or this user cannot read it. Deploy the pipeline, "
                "which creates it, or grant SELECT on it."
            )
        with connection.cursor(SSCursor) as cursor:
            names = ", ".join(_read(column) for column in columns)
            cursor.execute(f"SELECT {names} FROM {quoted(table)}")  # noqa: S608, the names are quoted
            yield columns, iter(lambda: list(cursor.fetchmany(BATCH_ROWS)), [])


def estimate_rows(connection: Connection, table: str) -> int:
    """Return about how many rows a table has, by the server's statistics; 0 if it does not exist."""
    rows = fetch_rows(connection, _ESTIMATE, [table])
    return int(rows[0][0] or 0) if rows else 0


def _read(column: SourceColumn) -> str:
    name = quoted(column.name)
    return name if column.type in _READ_AS_IS else f"CAST({name} AS CHAR)"
