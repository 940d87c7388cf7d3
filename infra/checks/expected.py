"""The independent recomputation: the pipeline's check SQL, run in the database on one consistent snapshot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from infra.endpoints import MySqlEndpoint
from infra.errors import SpecError
from infra.mysql.connection import Connection, connect
from infra.spec import Pipeline

Key = tuple[Any, ...]
Table = dict[Key, dict[str, Any]]


def recompute(pipeline: Pipeline, reader: MySqlEndpoint) -> dict[str, Table]:
    """By topic: the rows that it must hold, by key; all topics as of the same moment.

    SpecError when a check does not return its key columns, or two rows with one key.
    """
    with connect(reader) as connection:
        with connection.cursor() as cursor:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return {topic: _table(pipeline, topic, connection) for topic in pipeline.checks}


def keyed(rows: list[dict[str, Any]], key: tuple[str, ...]) -> Table:
    """The rows by the values of their key columns."""
    return {tuple(row[column] for column in key): row for row in rows}


def _table(pipeline: Pipeline, topic: str, connection: Connection) -> Table:
    check = pipeline.checks[topic]
    with connection.cursor() as cursor:
        cursor.execute(pipeline.path(check.expect).read_text(encoding="utf-8"))
        columns = [description[0] for description in cursor.description]
        rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in cursor.fetchall()]
    missing = set(check.key) - set(columns)
    if missing:
        raise SpecError(
            f"{check.expect}: returns no column {', '.join(sorted(missing))}, which checks.{topic}.key names"
        )
    table = keyed(rows, check.key)
    if len(table) != len(rows):
        raise SpecError(
            f"{check.expect}: returns two rows with one key ({', '.join(check.key)}); correct the query or the key"
        )
    return table


def _plain(value: Any) -> Any:
    """As JSON has it; a sum of integers comes as a decimal without fraction."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("utf-8") if isinstance(value, bytes) else value
