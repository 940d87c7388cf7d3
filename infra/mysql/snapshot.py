"""A table in one consistent snapshot, as a stream of rows: as it is, or as its topic has a captured table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from MySQLdb.cursors import SSCursor

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.captured_tables import captured_columns, matching
from infra.mysql.column_types import CapturedColumn, comparable, why_refused
from infra.mysql.connection import Connection, connect, fetch_rows, quoted

BATCH_ROWS = 20_000
Batches = Iterator[list[tuple[Any, ...]]]

_COLUMNS = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE LIKE '%% unsigned%%', NUMERIC_PRECISION, NUMERIC_SCALE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"""
_ESTIMATE = "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
_BASE_TABLES = """
    SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"""
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
def table_snapshot(endpoint: MySqlEndpoint, table: str) -> Iterator[tuple[list[SourceColumn], Batches]]:
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
        with _selected(connection, table, [_read(column) for column in columns]) as batches:
            yield columns, batches


@contextmanager
def captured_snapshot(endpoint: MySqlEndpoint, table: str) -> Iterator[tuple[tuple[CapturedColumn, ...], Batches]]:
    """Yield the columns of a captured table, and its rows with the values that its topic must have, in batches.

    SchemaError if the table does not exist, or if a column cannot be captured.
    """
    with connect(endpoint) as connection:
        columns = captured_columns(connection, str(endpoint.database), table)
        refused = [f"column {column.name} {reason}" for column in columns if (reason := why_refused(column))]
        if refused or not columns:
            found = ", ".join(refused) or "does not exist, or this user cannot read it"
            raise SchemaError(
                f"{endpoint}: the table {table!r}: {found}. Deploy the pipeline again, which checks its tables."
            )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00'")  # a TIMESTAMP is compared in UTC
        with _selected(connection, table, [comparable(column) for column in columns]) as batches:
            yield columns, batches


@contextmanager
def _selected(connection: Connection, table: str, expressions: list[str]) -> Iterator[Batches]:
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(f"SELECT {', '.join(expressions)} FROM {quoted(table)}")  # noqa: S608, the names are quoted
        yield iter(lambda: list(cursor.fetchmany(BATCH_ROWS)), [])


def estimate_rows(connection: Connection, table: str) -> int:
    """Return about how many rows a table has, by the server's statistics; 0 if it does not exist."""
    rows = fetch_rows(connection, _ESTIMATE, [table])
    return int(rows[0][0] or 0) if rows else 0


def estimate_rows_of(connection: Connection, patterns: Sequence[str]) -> int:
    """Return about how many rows the tables of these names and patterns have together."""
    tables, _ = matching([str(row[0]) for row in fetch_rows(connection, _BASE_TABLES)], patterns)
    return sum(estimate_rows(connection, table) for table in tables)


def _read(column: SourceColumn) -> str:
    name = quoted(column.name)
    return name if column.type in _READ_AS_IS else f"CAST({name} AS CHAR)"
