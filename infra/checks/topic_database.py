"""Topics as tables of an embedded analytical database (DuckDB), for the SQL of a pipeline's checks.

records      one topic in full: source_partition, source_offset, source_timestamp (ms), message_key and
             message_value (bytes), key_json and value_json (NULL where the bytes are no JSON), value_levels (how
             deep the value nests)
quarantine   source_topic, source_partition, source_offset, position, reason, attempts
<topic>      each checked topic, without the pipeline's name before it: key and value (JSON) of the rows it holds
<table>      each of the source's `tables`: what its SELECT returns
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import duckdb
from kafka.consumer.fetcher import ConsumerRecord

from infra.checks.strict_json import normalised
from infra.errors import DefinitionError
from infra.pipeline import Pipeline

Rows = tuple[list[str], list[tuple[Any, ...]]]
_RECORDS = {
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "source_timestamp": "BIGINT",
    "message_key": "BLOB",
    "message_value": "BLOB",
    "key_json": "JSON",
    "value_json": "JSON",
    "value_levels": "INTEGER",
}
_QUARANTINE = {
    "source_topic": "VARCHAR",
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "position": "INTEGER",
    "reason": "VARCHAR",
    "attempts": "INTEGER",
}
_ROWS = {"key": "JSON", "value": "JSON"}


class TopicDatabase:
    """One pipeline's tables in memory, gone when the block ends. DefinitionError says which SQL file is wrong."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        # The SQL is to see these tables and nothing of the machine.
        self._database = duckdb.connect(
            config={"enable_external_access": "false", "threads": 2, "default_null_order": "nulls_first"}
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
        """More records of the topic."""
        rows = []
        for record in records:
            value, levels = normalised(record.value)
            key, _ = normalised(record.key)
            rows.append(
                (record.partition, record.offset, record.timestamp, record.key, record.value, key, value, levels)
            )
        self._insert("records", _RECORDS, rows)

    def put_quarantine(self, entries: Iterable[dict[str, Any]]) -> None:
        """All entries of the quarantine topic, in place of those before."""
        self._create("quarantine", _QUARANTINE)
        self._insert("quarantine", _QUARANTINE, [tuple(entry.get(name) for name in _QUARANTINE) for entry in entries])

    def put_topic(self, topic: str, rows: dict[bytes, bytes]) -> None:
        """The rows that a topic holds, in place of those before."""
        name = topic.removeprefix(f"{self._pipeline.name}.")
        self._create(name, _ROWS)
        self._insert(name, _ROWS, [(normalised(key)[0], normalised(value)[0]) for key, value in rows.items()])

    def query(self, relative: str) -> Rows:
        """Columns and rows of a query of the pipeline; DefinitionError with its file and what the database says."""
        result = self._execute(relative, self._sql(relative))
        return [column[0] for column in result.description or ()], result.fetchall()

    def offsets(self) -> list[tuple[int, int]]:
        """Partition and offset of every record."""
        return self._database.execute("SELECT source_partition, source_offset FROM records").fetchall()

    def _execute(self, relative: str, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.execute(sql)
        except duckdb.Error as error:
            raise DefinitionError(f"{relative}: this SQL cannot be run: {error}") from error

    def _sql(self, relative: str) -> str:
        return self._pipeline.path(relative).read_text(encoding="utf-8")

    def _create(self, table: str, columns: dict[str, str]) -> None:
        definition = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self._database.execute(f'CREATE OR REPLACE TABLE "{table}" ({definition})')

    def _insert(self, table: str, columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
        """By lists and not row by row, which would take a statement each."""
        if rows:
            lists = [list(column) for column in zip(*rows, strict=True)]
            values = ", ".join(f"unnest(CAST(? AS {kind}[]))" for kind in columns.values())
            self._database.execute(f'INSERT INTO "{table}" SELECT {values}', lists)
