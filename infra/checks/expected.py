"""The independent recomputation: the pipeline's check SQL, run on its source in the check's DuckDB.

A source table is copied into the database under its own name, in one consistent snapshot; a source topic is there as
`records` and the source's `tables`. So text is compared exactly, whatever the collation of the table.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from infra.checks.topic_database import TopicDatabase, literal, quoted
from infra.endpoints import MySqlEndpoint
from infra.errors import DefinitionError
from infra.mysql.column_types import check_type
from infra.mysql.snapshot import Batches, SourceColumn, captured_snapshot, table_snapshot
from infra.pipeline import Check, TableCheck
from infra.pipeline.naming import TASK_LOGGER
from infra.progress import Progress

_INTEGERS = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
_OTHERS = {
    "float": "DOUBLE", "double": "DOUBLE", "year": "SMALLINT", "date": "DATE", "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP", "binary": "BLOB", "varbinary": "BLOB", "tinyblob": "BLOB", "blob": "BLOB",
    "mediumblob": "BLOB", "longblob": "BLOB", "bit": "BLOB",
}  # fmt: skip
MAX_DECIMAL_DIGITS = 38
log = logging.getLogger(TASK_LOGGER)


def load_source(database: TopicDatabase, reader: MySqlEndpoint) -> None:
    """Replace every source table by its rows of this moment."""
    source = database.pipeline.mysql_source
    if source.table:
        load_source_table(database, reader, source.table)
    for captured in database.pipeline.captured:
        with captured_snapshot(reader, captured.name) as (columns, batches):
            _load(database, captured.name, {column.name: check_type(column) for column in columns}, batches)


def load_source_table(database: TopicDatabase, reader: MySqlEndpoint, table: str) -> int:
    """Replace the source table by its rows of this moment, and return their number."""
    with table_snapshot(reader, table) as (columns, batches):
        return _load(database, table, {column.name: column_type(column) for column in columns}, batches)


def _load(database: TopicDatabase, table: str, types: Mapping[str, str], batches: Batches) -> int:
    database.create_source_table(table, ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items()))
    progress, count = Progress(log.info, f"checks: reading table {table}"), 0
    for rows in batches:
        with database.connection.appender(quoted(table)) as appender:
            appender.append_rows(rows)
        count += len(rows)
        progress.update(count)
    return count


def column_type(column: SourceColumn) -> str:
    """Return DuckDB's type for a column of MySQL or MariaDB."""
    if column.type in _INTEGERS:
        return f"U{_INTEGERS[column.type]}" if column.unsigned else _INTEGERS[column.type]
    if column.type == "decimal":
        if column.precision > MAX_DECIMAL_DIGITS:
            raise DefinitionError(
                f"column {column.name!r} is a decimal of {column.precision} digits, but the checks support "
                f"{MAX_DECIMAL_DIGITS}. Change its type."
            )
        return f"DECIMAL({column.precision}, {column.scale})"
    return _OTHERS.get(column.type, "VARCHAR")


def create_expected(database: TopicDatabase, topic: str, order: list[str] | None = None) -> str:
    """Create or replace the table of a topic's expected rows, and return its name.

    `key` is a JSON list of the key columns, and `value` the JSON object of all columns, in this order if it contains
    exactly these columns. DefinitionError if the check does not return its key columns, or returns a key twice.
    """
    check = database.pipeline.checks[topic]
    types = database.describe(check.expect)
    missing = set(check.key) - types.keys()
    if missing:
        raise DefinitionError(
            f"{check.expect}: does not return the column {', '.join(sorted(missing))}, which checks.{topic}.key names. "
            "Fix the query or the key."
        )
    columns = order if order and sorted(order) == sorted(types) else list(types)
    value = ", ".join(f"{literal(name)}, {_json(name, types[name])}" for name in columns)
    key = ", ".join(_json(name, types[name]) for name in check.key)
    table = expected_of(topic)
    database.create_from(
        check.expect,
        table,
        f"CAST(json_array({key}) AS VARCHAR) AS key, CAST(json_object({value}) AS VARCHAR) AS value",
    )
    if has_duplicates(database, f"SELECT key FROM {table}"):
        raise DefinitionError(
            f"{check.expect}: returns several rows with the same key ({', '.join(check.key)}). "
            "Fix the query or the key."
        )
    return table


def expected_of(topic: str) -> str:
    """Return the table of a topic's expected rows."""
    return quoted(f"expected {topic}")


def is_same(check: Check, expected: dict[str, Any], found: dict[str, Any]) -> bool:
    """Return whether two rows are equal; a captured row that was written before a column was added has null in it."""
    missing = dict.fromkeys(expected) if isinstance(check, TableCheck) else {}
    return expected == {**missing, **found}


def has_duplicates(database: TopicDatabase, keys: str) -> bool:
    """Return whether a query returns a `key` twice."""
    # Hashes first, because they need much less memory; two keys rarely have the same hash.
    hashes = f"SELECT hash(key) AS h FROM ({keys}) GROUP BY h HAVING count(*) > 1"
    same = f"SELECT 1 FROM ({keys}) WHERE hash(key) IN ({hashes}) GROUP BY key HAVING count(*) > 1"
    return bool(database.number(f"SELECT count(*) FROM ({same})"))


def _json(name: str, kind: str) -> str:
    """Return an expression for a column in JSON; a decimal without a fraction is an integer."""
    column = quoted(name)
    if kind.startswith("DECIMAL"):
        integer, double = (f"to_json(CAST({column} AS {to}))" for to in ("HUGEINT", "DOUBLE"))
        return f"CASE WHEN {column} = trunc({column}) THEN {integer} ELSE {double} END"
    return column
