"""The tables that a pipeline captures: found by name or pattern, each with its key and what cannot be captured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from infra.mysql.column_types import TYPES_FILE, CapturedColumn, type_of, why_refused
from infra.mysql.connection import Connection, fetch_rows, quoted
from infra.pipeline.definition import SPLIT_ROWS, CapturedTable

# A MySQL server with this variable, if it is OFF, writes the changes of cascades to the binlog; others do not.
_CASCADES_LOGGED = "SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'"
_PATTERN = re.compile(r"[*?\[]")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_CASCADE = re.compile(
    r"CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY .*? ON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT)"
)
_TABLES = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME"
_COLUMNS = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE = 'YES', NUMERIC_PRECISION, NUMERIC_SCALE,
           CHARACTER_SET_NAME, COLLATION_NAME, EXTRA
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"""
_UNIQUE_KEYS = """
    SELECT INDEX_NAME, COLUMN_NAME, NULLABLE = 'YES' FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0
    ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"""


@dataclass(frozen=True)
class TableFacts:
    """What the CDC user can read of a table.

    `unique_keys` begin with the primary key, and have None in place of a column that can be null. `cascades` are the
    foreign keys whose changes are not in the binlog, and `has_parts` is whether a job reads the table in parts.
    """

    name: str
    kind: str
    columns: tuple[CapturedColumn, ...] = ()
    unique_keys: tuple[tuple[str | None, ...], ...] = ()
    cascades: tuple[str, ...] = ()
    has_parts: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key, or else the first unique key whose columns are NOT NULL; empty if there is none."""
        return next((tuple(filter(None, key)) for key in self.unique_keys if None not in key), ())

    @property
    def split_by(self) -> str:
        """The column of the key by whose ranges the job divides the table, an integer if it has one; "" if none can."""
        key = [column for name in self.key for column in self.columns if column.name == name]
        usable = [column for column in key if (kind := type_of(column)) and kind.in_key and kind.splits]
        return next((column.name for column in [*filter(lambda each: each.is_integer, usable), *usable]), "")

    def captured(self) -> CapturedTable:
        """Return what the job and the checks need of the table."""
        latin1 = tuple(column.name for column in self.columns if column.is_text and column.charset == "latin1")
        columns = tuple((column.name, column.data_type, column.scale) for column in self.columns)
        return CapturedTable(self.name, self.key, self.split_by, latin1, columns)


def find_tables(connection: Connection, database: str, patterns: Sequence[str]) -> tuple[list[TableFacts], list[str]]:
    """Return the tables of the names and patterns, and the names and patterns without a table."""
    kinds = {str(name): str(kind) for name, kind in fetch_rows(connection, _TABLES, [database])}
    names, unmatched = matching(list(kinds), patterns)
    tables = [_read(connection, database, name, kinds[name]) for name in names]
    if [str(row[1]) for row in fetch_rows(connection, _CASCADES_LOGGED)] == ["OFF"]:
        tables = [replace(table, cascades=()) for table in tables]
    return tables, unmatched


def matching(tables: Sequence[str], patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tables that a name or a shell pattern names, sorted, and those names and patterns without a table."""
    by_pattern = {pattern: [name for name in tables if _matches(name, pattern)] for pattern in patterns}
    found = sorted({name for names in by_pattern.values() for name in names})
    return found, [pattern for pattern, names in by_pattern.items() if not names]


def captured_columns(connection: Connection, database: str, table: str) -> tuple[CapturedColumn, ...]:
    """Return the columns of a table in their order."""
    return tuple(
        CapturedColumn(name, kind.lower(), column_type, bool(null), int(precision or 0), int(scale or 0), *others)
        for name, kind, column_type, null, precision, scale, *others in fetch_rows(
            connection, _COLUMNS, [database, table]
        )
    )


def problems_of(table: TableFacts, prefix: str) -> Iterator[str]:
    """Yield why a table cannot be captured exactly, each with its fix."""
    name = f"table {table.name}"
    if table.kind != "BASE TABLE":
        yield f"{name} is a {table.kind.lower()}. Expected a base table. Remove it from source.mysql.tables."
        return
    if not _TOPIC.fullmatch(prefix + table.name):
        yield (
            f"{name}: {prefix + table.name!r} is not the name of a topic. Expected at most 249 letters, digits, dots, "
            "underscores and hyphens. Rename the table, or remove it from source.mysql.tables."
        )
    if table.cascades:
        yield (
            f"{name}: the foreign key {', '.join(table.cascades)} changes its rows with those of another table, and "
            "the binlog does not contain these changes. Change the rules of the key to RESTRICT, or remove the table."
        )
    for column in table.columns:
        if reason := why_refused(column):
            yield f"column {column.name} of {name} {reason}, or remove the table."
    yield from _problems_of_key(table, name)


def _problems_of_key(table: TableFacts, name: str) -> Iterator[str]:
    if not table.key:
        yield (
            f"{name} has neither a primary key nor a unique key of NOT NULL columns. Add one with ALTER TABLE, or "
            "remove the table."
        )
        return
    columns = {column.name: column for column in table.columns}
    for column in (columns[part] for part in table.key):
        kind = type_of(column)
        if kind and not kind.in_key:
            yield (
                f"column {column.name} of {name} is in its key and has the type {column.data_type}. Expected a type "
                f"that a key can have ({TYPES_FILE}). Change its type, or remove the table."
            )
    if not table.split_by:
        types = ", ".join(columns[part].data_type for part in table.key)
        yield (
            f"{name} has a key of {types}, by which the CDC connector cannot read it. Expected a column of another "
            "type in it, such as an integer. Add one to the key, or remove the table."
        )
        return
    first = columns[table.split_by]
    is_ordered = first.is_integer or (first.is_text and (first.collation or "").endswith("_bin"))
    if table.has_parts and not is_ordered:
        yield (
            f"{name} has more than {SPLIT_ROWS:,} rows, which the job reads in parts of its key, and orders the parts "
            f"of {first.column_type} in another way than the server. Add an integer column to the key, or give a text "
            "column a collation that ends with _bin."
        )


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) if _PATTERN.search(pattern) else name == pattern


def _read(connection: Connection, database: str, table: str, kind: str) -> TableFacts:
    if kind != "BASE TABLE":
        return TableFacts(table, kind)
    keys: dict[str, list[str | None]] = {}
    for index, column, nullable in fetch_rows(connection, _UNIQUE_KEYS, [database, table]):
        keys.setdefault(index, []).append(None if nullable or column is None else column)
    name = f"{quoted(database)}.{quoted(table)}"
    [[_, definition]] = fetch_rows(connection, f"SHOW CREATE TABLE {name}")
    parts = f"SELECT COUNT(*) FROM (SELECT 1 FROM {name} LIMIT {SPLIT_ROWS + 1}) AS first_rows"  # noqa: S608, quoted
    return TableFacts(
        table,
        kind,
        captured_columns(connection, database, table),
        tuple(tuple(columns) for columns in keys.values()),
        tuple(dict.fromkeys(_CASCADE.findall(definition))),
        fetch_rows(connection, parts)[0][0] > SPLIT_ROWS,
    )
