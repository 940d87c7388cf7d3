"""The real SQL of a job on bounded input in Flink's mini cluster; only source and sink tables are replaced by files."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from flink_jobs.shared.run_sql import render_statement, run_step
from infra.pipeline import load_pipeline
from infra.settings import ROOT
from tests.jobs.flink import flink_environment

if TYPE_CHECKING:
    from pyflink.table import StreamTableEnvironment

OLYMPICS = ROOT / "flink_jobs" / "olympics"
OLYMPIC_EVENTS = ROOT / "flink_jobs" / "olympic_events"
RECORDS = """
CREATE TABLE records (
    message_key BYTES, message_value BYTES, headers MAP<STRING, BYTES>, source_partition INT, source_offset BIGINT,
    source_timestamp TIMESTAMP_LTZ(3)
) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601')
"""


class Record(NamedTuple):
    """One record of a topic, as bytes; its offset is its index among the records of its partition."""

    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp_ms: int = 1_770_408_000_000
    attempts: int | None = None


class Outputs(NamedTuple):
    """The outputs of a job: the last value by topic (without prefix) and key, and every quarantined record."""

    tables: dict[str, dict[object, dict[str, object]]]
    quarantine: list[dict[str, object]]


KEYS = {
    "athletes": "name",
    "duplicates": "id",
    "nationality_stats": "nationality",
    "best_nationality": "position",
    "top_athletes": "rank",
}
RunJob = Callable[[Iterable[Record]], Outputs]


@pytest.fixture
def environment() -> StreamTableEnvironment:
    """A new streaming table environment with the options of the analytics job's definition."""
    return flink_environment(load_pipeline(OLYMPICS).jobs["analytics"].configuration)


@pytest.fixture
def run_analytics(tmp_path: Path) -> RunJob:
    """A function that runs the analytics job on records, in order, and returns its outputs."""
    return partial(run_bounded, OLYMPICS, "analytics", KEYS, tmp_path)


@pytest.fixture
def run_record_join(tmp_path: Path) -> RunJob:
    """A function that runs the job record_join on records, in order, and returns its outputs."""
    return partial(run_bounded, OLYMPIC_EVENTS, "record_join", {"entries": "id"}, tmp_path)


def run_bounded(pipeline: Path, job: str, keys: dict[str, str], folder: Path, records: Iterable[Record]) -> Outputs:
    """Run a job on records, with files in `folder` as its source and sinks, and return its outputs."""
    environment = flink_environment(load_pipeline(pipeline).jobs[job].configuration)
    source = folder / "records"
    source.mkdir()
    offsets: dict[int, Iterator[int]] = defaultdict(itertools.count)
    lines = [_as_line(next(offsets[record.partition]), record) for record in records]
    (source / "records.json").write_text("\n".join(lines) + "\n")
    for path, statement in job_steps(pipeline, job):
        result = run_step(environment, path, _replace_connectors(path.name, statement, folder))
    assert result is not None  # of the last statement
    result.wait()
    return Outputs(
        {topic: _fold(folder / topic, key) for topic, key in keys.items()},
        [change["after"] for change in changes_of(folder / "quarantine")],
    )


def job_steps(pipeline: Path, job: str) -> list[tuple[Path, str]]:
    """Return the job's steps in order, each with its text; statements have the arguments of the pipeline definition."""
    definition = load_pipeline(pipeline)
    variables = {**definition.jobs[job].arguments, "bootstrap_servers": "127.0.0.1:1"}
    files = [path for path in definition.job_files(job) if path.name[0].isdigit()]
    return [(path, render_statement(path, variables, {})) for path in sorted(files, key=lambda path: path.name)]


def _replace_connectors(name: str, statement: str, folder: Path) -> str:
    if name == "10_records.sql":
        return RECORDS.format(path=folder / "records")
    topic = re.search(r"CREATE TABLE (\w+)_topic", statement)
    if topic is None:
        return statement
    options = f"'connector' = 'filesystem', 'path' = '{folder / topic[1]}', 'format' = 'debezium-json'"
    return statement[: statement.index(") WITH (")] + f") WITH ({options})"


def _as_line(offset: int, record: Record) -> str:
    def encoded(data: bytes | None) -> str | None:
        return None if data is None else base64.b64encode(data).decode()

    timestamp = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    attempts = None if record.attempts is None else {"attempts": encoded(str(record.attempts).encode())}
    return json.dumps(
        {
            "message_key": encoded(record.key),
            "message_value": encoded(record.value),
            "headers": attempts,
            "source_partition": record.partition,
            "source_offset": offset,
            "source_timestamp": timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{record.timestamp_ms % 1000:03}Z",
        }
    )


def changes_of(folder: Path) -> Iterable[dict[str, Any]]:
    """Yield the changes that a sink of format debezium-json has written."""
    for path in sorted(folder.rglob("*part-*")):
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            yield json.loads(line)


def _fold(folder: Path, key: str) -> dict[object, dict[str, object]]:
    table: dict[object, dict[str, object]] = {}
    for change in changes_of(folder):
        if change["op"] == "c":
            table[change["after"][key]] = change["after"]
        else:
            table.pop(change["before"][key], None)
    return table
