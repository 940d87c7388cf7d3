"""Topics as tables of an in-process DuckDB, for the SQL of a pipeline's checks and audit.

records      all records of one topic: source_partition, source_offset, source_timestamp (ms), message_key and
             message_value (bytes), key_json and value_json (NULL if the bytes are not strict JSON)
quarantine   source_topic, source_partition, source_offset, reason, invalid_elements, attempts
<topic>      each checked topic, without the prefix `<pipeline>.`: key and value (JSON) of its current rows
<table>      each of the source's `tables`: the rows of its SELECT
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import duckdb
from kafka.consumer.fetcher import ConsumerRecord

from infra.checks.strict_json import normalised
from infra.errors import DefinitionError
from infra.pipeline import Pipeline

THREADS = 2

Rows = tuple[list[str], list[tuple[Any, ...]]]
_RECORDS = {
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "source_timestamp": "BIGINT",
    "message_key": "BLOB",
    "message_value": "BLOB",
    "key_json": "JSON",
    "value_json": "JSON",
}
_QUARANTINE = {
    "source_topic": "VARCHAR",
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "reason": "VARCHAR",
    "invalid_elements": "INTEGER",
    "attempts": "INTEGER",
}
_ROWS = {"key": "JSON", "value": "JSON"}


class TopicDatabase:
    """The in-memory tables of one pipeline, until the block ends. DefinitionError names an SQL file that cannot run."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        # The SQL can read these tables, but no files of this machine.
        self._database = duckdb.connect(
            config={"enable_external_access": "false", "threads": THREADS, "default_null_order": "nulls_first"}
        )
        self._create("records", _RECORDS)
        source = pipeline.source.kafka
        for name, query in (source.tables if source else {}).items():
            self._execute(query, f'CREATE VIEW "{name}" AS {self._sql(query)}')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add_records(self, records: Iterable[ConsumerRecord]) -> None:
        """Append records to the table `records`."""
        rows = []
        for record in records:
            key, value = normalised(record.key), normalised(record.value)
            rows.append((record.partition, record.offset, record.timestamp, record.key, record.value, key, value))
        self._insert("records", _RECORDS, rows)

    def put_quarantine(self, quarantined: Iterable[dict[str, Any]]) -> None:
        """Replace the rows of the table `quarantine` by all quarantined records."""
        self._create("quarantine", _QUARANTINE)
        self._insert("quarantine", _QUARANTINE, [tuple(row.get(name) for name in _QUARANTINE) for row in quarantined])

    def put_topic(self, topic: str, rows: dict[bytes, bytes]) -> None:
        """Replace the rows of a topic's table by its current rows."""
        name = topic.removeprefix(f"{self._pipeline.name}.")
        self._create(name, _ROWS)
        self._insert(name, _ROWS, [(normalised(key), normalised(value)) for key, value in rows.items()])

    def query(self, relative: str) -> Rows:
        """Return columns and rows of the query at a path of the pipeline; DefinitionError if it cannot run."""
        result = self._execute(relative, self._sql(relative))
        return [column[0] for column in result.description or ()], result.fetchall()

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement over the tables."""
        return self._database.execute(sql).fetchall()

    def offsets(self) -> list[tuple[int, int]]:
        """Return partition and offset of every record."""
        return self._database.execute("SELECT source_partition, source_offset FROM records").fetchall()

    def _execute(self, relative: str, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.execute(sql)
        except duckdb.Error as error:
            raise DefinitionError(f"{relative}: the SQL cannot run: {error}. Fix the query.") from error

    def _sql(self, relative: str) -> str:
        return self._pipeline.path(relative).read_text(encoding="utf-8")

    def _create(self, table: str, columns: dict[str, str]) -> None:
        definition = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self._database.execute(f'CREATE OR REPLACE TABLE "{table}" ({definition})')

    def _insert(self, table: str, columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert all rows with one statement, as one list per column."""
        if rows:
            lists = [list(column) for column in zip(*rows, strict=True)]
            values = ", ".join(f"unnest(CAST(? AS {kind}[]))" for kind in columns.values())
            self._database.execute(f'INSERT INTO "{table}" SELECT {values}', lists)
