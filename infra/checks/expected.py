"""The independent recomputation: the pipeline's check SQL, run on its source.

The SQL runs in the source database, or on a source topic in an in-process DuckDB. It is the same for both: standard SQL
with identifiers in double quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Any

from infra.checks.topic_database import Rows, TopicDatabase
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import DefinitionError
from infra.kafka.client import consumer
from infra.kafka.reader import RecordReader
from infra.mysql.connection import connect
from infra.pipeline import Pipeline

Key = tuple[Any, ...]
Table = dict[Key, dict[str, Any]]
Recompute = Callable[[], dict[str, Table]]


def recomputed(
    pipeline: Pipeline, reader: MySqlEndpoint | None, kafka: KafkaEndpoint
) -> AbstractContextManager[Recompute]:
    """Yield a function that returns the expected rows of every checked topic, from one snapshot of the source per call.

    `reader` is the source database, None if the source is a topic. DefinitionError if a check does not return its key
    columns, or returns two rows with the same key.
    """
    return _from_database(pipeline, reader) if reader else _from_source_topic(pipeline, kafka)


@contextmanager
def _from_database(pipeline: Pipeline, reader: MySqlEndpoint) -> Iterator[Recompute]:
    def recompute() -> dict[str, Table]:
        with connect(reader) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',ANSI_QUOTES')")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")

            def run(relative: str) -> Rows:
                with connection.cursor() as cursor:
                    cursor.execute(pipeline.path(relative).read_text(encoding="utf-8"))
                    return [description[0] for description in cursor.description], list(cursor.fetchall())

            return tables_of(pipeline, run)

    yield recompute


@contextmanager
def _from_source_topic(pipeline: Pipeline, kafka: KafkaEndpoint) -> Iterator[Recompute]:
    last: dict[str, Table] = {}
    with consumer(kafka) as client, TopicDatabase(pipeline) as database:
        records = RecordReader(client, pipeline.kafka_source.topic)

        def recompute() -> dict[str, Table]:
            new = records.refresh()
            if new or not last:
                database.add_records(new)
                last.update(tables_of(pipeline, database.query))
            return dict(last)

        yield recompute


def keyed(rows: list[dict[str, Any]], key: tuple[str, ...]) -> Table:
    """Return the rows by the values of their key columns."""
    return {tuple(row[column] for column in key): row for row in rows}


def tables_of(pipeline: Pipeline, run: Callable[[str], Rows]) -> dict[str, Table]:
    """Return the expected rows of every checked topic; `run` runs the query at a path of the pipeline."""
    return {topic: _table(pipeline, topic, run) for topic in pipeline.checks}


def _table(pipeline: Pipeline, topic: str, run: Callable[[str], Rows]) -> Table:
    check = pipeline.checks[topic]
    columns, found = run(check.expect)
    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in found]
    missing = set(check.key) - set(columns)
    if missing:
        raise DefinitionError(
            f"{check.expect}: does not return the column {', '.join(sorted(missing))}, which checks.{topic}.key names. "
            "Fix the query or the key."
        )
    table = keyed(rows, check.key)
    if len(table) != len(rows):
        raise DefinitionError(
            f"{check.expect}: returns several rows with the same key ({', '.join(check.key)}). "
            "Fix the query or the key."
        )
    return table


def _plain(value: Any) -> Any:
    """Return the value as JSON would; databases return a sum of integers as a decimal without a fraction."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("utf-8") if isinstance(value, bytes) else value
