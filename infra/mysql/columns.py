"""The columns of a table, read from its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.errors import SchemaError
from infra.mysql.connection import Connection, fetch_rows

_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
# Without CHAR: the server strips its trailing spaces, but values must be kept exactly.
_TEXTS = {"varchar", "tinytext", "text", "mediumtext", "longtext"}

_COLUMNS = """
    SELECT c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE = 'YES', c.EXTRA,
           c.CHARACTER_SET_NAME, c.COLLATION_NAME, c.CHARACTER_MAXIMUM_LENGTH, c.CHARACTER_OCTET_LENGTH,
           s.SEQ_IN_INDEX IS NOT NULL
    FROM information_schema.COLUMNS c
    LEFT JOIN information_schema.STATISTICS s
           ON s.TABLE_SCHEMA = c.TABLE_SCHEMA AND s.TABLE_NAME = c.TABLE_NAME
          AND s.COLUMN_NAME = c.COLUMN_NAME AND s.INDEX_NAME = 'PRIMARY'
    WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = %s AND c.EXTRA NOT LIKE '%% GENERATED%%'
    ORDER BY c.ORDINAL_POSITION"""

_OTHER_UNIQUE_KEYS = """
    SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'"""


@dataclass(frozen=True)
class Column:
    """A column that a data file can fill: integers have `bounds`, text has lengths and a collation."""

    name: str
    type: str
    nullable: bool = False
    in_key: bool = False
    auto_increment: bool = False
    bounds: tuple[int, int] | None = None
    collation: str | None = None
    max_characters: int = 0
    max_bytes: int = 0

    @property
    def is_text(self) -> bool:
        """True if the column contains text and not integers."""
        return self.bounds is None


def describe_columns(connection: Connection, table: str) -> tuple[Column, ...]:
    """Return the table's columns in order, without generated ones.

    SchemaError if the table does not exist, does not have a primary key, or has a type that a data file cannot fill.
    """
    rows = fetch_rows(connection, _COLUMNS, [table])
    if not rows:
        raise SchemaError(
            f"table {table!r} does not exist in this database. Create it from the pipeline's schema file first."
        )
    columns = tuple(_column(table, row) for row in rows)
    if not any(column.in_key for column in columns):
        raise SchemaError(
            f"table {table!r} does not have a primary key, by which rows are matched. Add one with ALTER TABLE."
        )
    return columns


def has_other_unique_keys(connection: Connection, table: str) -> bool:
    """Return whether the table has unique keys other than its primary key."""
    return bool(fetch_rows(connection, _OTHER_UNIQUE_KEYS, [table]))


def integer_bounds(data_type: str, *, unsigned: bool) -> tuple[int, int]:
    """Return the lowest and the highest value of an integer type."""
    bits = _BITS[data_type]
    return (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _column(table: str, row: tuple[Any, ...]) -> Column:
    name, data_type, column_type, nullable, extra, charset, collation, characters, octets, in_key = row
    part: dict[str, Any] = {
        "name": name,
        "type": column_type,
        "nullable": bool(nullable),
        "in_key": bool(in_key),
        "auto_increment": "auto_increment" in extra.lower(),
    }
    if data_type in _BITS:
        return Column(**part, bounds=integer_bounds(data_type, unsigned="unsigned" in column_type))
    if data_type not in _TEXTS:
        allowed = ", ".join([*_BITS, *sorted(_TEXTS)])
        raise SchemaError(
            f"column {name!r} of table {table!r} has the type {column_type}. Expected one of: {allowed}. "
            "Change the type of the column."
        )
    if charset != "utf8mb4":
        raise SchemaError(
            f"column {name!r} of table {table!r} has the character set {charset}. Expected utf8mb4, which has every "
            "character. Convert the column."
        )
    return Column(**part, collation=collation, max_characters=int(characters), max_bytes=int(octets))
