"""Verification: the result topics of a contestant, folded by key, against the pipeline's own check SQL in DuckDB.

A wrong result is not a result: a contestant that fails here gets no figure.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the check SQL

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType

import duckdb
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.errors import UnreachableError
from infra.pipeline import Pipeline

SHOWN_DIFFERENCES = 3
_STALL_SECONDS = 30.0


@dataclass(frozen=True)
class Folded:
    """A topic folded by key: its values, the number of its records, and the append time of the last one in seconds."""

    values: dict[bytes, bytes]
    records: int
    last_at: float


class Verifier:
    """The expected results of one changelog."""

    def __init__(self, pipeline: Pipeline, rows: Path, scratch: Path) -> None:
        """Compute the expected results of the rows in a CSV file."""
        self._scratch = scratch
        self._lock = Lock()  # contestants that run at the same time
        self._database = duckdb.connect(str(scratch / "expected.duckdb"))
        self._database.execute(
            "CREATE TABLE players (id INTEGER, name VARCHAR, nationality VARCHAR, score INTEGER); "
            "INSERT INTO players SELECT * FROM read_csv(?, header = true, all_varchar = true)",
            [str(rows)],
        )
        source = next(iter(pipeline.jobs["players_cdc"].writes))
        self.outputs = [topic.removeprefix(f"{pipeline.name}.") for topic in pipeline.checks if topic != source]
        for output in self.outputs:
            query = pipeline.path(pipeline.checks[f"{pipeline.name}.{output}"].expect).read_text(encoding="utf-8")
            self._database.execute(f"CREATE TABLE expected_{output} AS {query}")

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def rows(self) -> int:
        """Return the number of all expected rows."""
        return sum(self._count(f"expected_{output}") for output in self.outputs)

    def differences(self, found: Mapping[str, Mapping[bytes, bytes]]) -> list[str]:
        """Return a line for each output that differs; `found` has the values of each output by key."""
        with self._lock:
            return [line for output in self.outputs for line in self._compare(output, found[output])]

    def _compare(self, output: str, found: Mapping[bytes, bytes]) -> list[str]:
        """Compare one output; the number of rows shows keys that stand for the same row."""
        path = self._scratch / f"found_{output}.json"
        path.write_bytes(b"\n".join(value.replace(b"\n", b" ") for value in found.values()))
        described = self._database.execute(f"DESCRIBE expected_{output}").fetchall()
        columns = {str(column[0]): "BIGINT" if column[1] == "HUGEINT" else str(column[1]) for column in described}
        names = ", ".join(f'"{name}"' for name in columns)
        try:
            self._database.execute(
                f"CREATE OR REPLACE TEMP TABLE found AS SELECT {names} FROM read_json(?, "
                f"columns = {json.dumps(columns)}, format = 'newline_delimited')",
                [str(path)],
            )
        except duckdb.Error as error:
            return [f"{output}: a value is not the JSON that was expected: {error}"]
        expected, count = self._count(f"expected_{output}"), len(found)
        missing = f"SELECT {names} FROM expected_{output} EXCEPT SELECT {names} FROM found"
        wrong = self._count(f"({missing})")
        if not wrong and count == expected:
            return []
        shown = self._database.execute(f"{missing} ORDER BY ALL LIMIT {SHOWN_DIFFERENCES}").fetchall()
        return [f"{output}: {count} rows, expected {expected}; {wrong} of those are missing or differ, such as {shown}"]

    def _count(self, table: str) -> int:
        found = self._database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0


def fold_topic(servers: str, topic: str, partitions: int) -> Folded:
    """Read a topic to its current end and fold it by key; UnreachableError if the records stop before that."""
    values: dict[bytes, bytes] = {}
    count, last_at = 0, 0
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench-verify", "enable.auto.commit": False})
    try:
        ends: dict[int, int] = {}
        begins = []
        for partition in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_STALL_SECONDS)
            if low < high:
                ends[partition] = high
                begins.append(TopicPartition(topic, partition, low))
        consumer.assign(begins)
        while ends:
            messages = consumer.consume(50_000, timeout=1.0) or consumer.consume(1, timeout=_STALL_SECONDS)
            if not messages:
                raise UnreachableError(f"{topic}: no record for {_STALL_SECONDS:.0f} s. Check the broker's log.")
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                key, value, number = message.key() or b"", message.value(), message.partition() or 0
                count, last_at = count + 1, max(last_at, message.timestamp()[1])
                if value is None:
                    values.pop(key, None)
                else:
                    values[key] = value
                if (message.offset() or 0) + 1 >= ends.get(number, 0):
                    ends.pop(number, None)
    except KafkaException as error:
        raise UnreachableError(f"{topic}: cannot be read: {error}. Check the broker's log.") from None
    finally:
        consumer.close()
    return Folded(values, count, last_at / 1000)
