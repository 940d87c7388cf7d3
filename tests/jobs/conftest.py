"""Runs the real SQL of a job on a bounded input, in Flink's mini cluster; only the tables at both ends are replaced."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from flink_jobs.shared.statements import render_statements
from infra.spec import load_pipeline
from tests.jobs.flink import flink_environment

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

OLYMPICS = Path(__file__).parents[2] / "flink_jobs" / "olympics"
RECORDS = """
CREATE TABLE records (
    message_key BYTES, message_value BYTES, source_partition INT, source_offset BIGINT,
    source_timestamp TIMESTAMP_LTZ(3), arrived_at AS PROCTIME()
) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601')
"""


class Record(NamedTuple):
    """One record of a topic, as bytes."""

    key: bytes | None
    value: bytes | None


class Outputs(NamedTuple):
    """What the job wrote, by topic without prefix: the last value by key, and every quarantined record."""

    tables: dict[str, dict[object, dict[str, object]]]
    quarantine: list[dict[str, object]]


KEYS = {
    "athletes": "name",
    "duplicates": "id",
    "nationality_stats": "nationality",
    "best_nationality": "position",
    "top_athletes": "rank",
}
RunAnalytics = Callable[[Iterable[Record]], Outputs]


@pytest.fixture
def environment() -> TableEnvironment:
    """A fresh streaming table environment with the options that the spec gives to the job."""
    return flink_environment(load_pipeline(OLYMPICS).jobs["analytics"].configuration)


@pytest.fixture
def run_analytics(environment: TableEnvironment, tmp_path: Path) -> RunAnalytics:
    """Feeds records to the analytics job in order and returns what it wrote."""

    def run(records: Iterable[Record]) -> Outputs:
        source = tmp_path / "records"
        source.mkdir()
        lines = [_as_line(offset, record) for offset, record in enumerate(records)]
        (source / "records.json").write_text("\n".join(lines) + "\n")
        for name, statement in analytics_statements().items():
            result = environment.execute_sql(_replace_ends(name, statement, tmp_path))
            if name == "90_publish.sql":
                result.wait()
        return Outputs(
            {topic: _fold(tmp_path / topic, key) for topic, key in KEYS.items()},
            [change["after"] for change in _changes(tmp_path / "quarantine")],
        )

    return run


def analytics_statements() -> dict[str, str]:
    """The job's statements with the arguments of the spec."""
    job = load_pipeline(OLYMPICS).jobs["analytics"]
    return render_statements(OLYMPICS / "analytics", {**job.arguments, "bootstrap_servers": "127.0.0.1:1"})


def _replace_ends(name: str, statement: str, folder: Path) -> str:
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

    return json.dumps(
        {
            "message_key": encoded(record.key),
            "message_value": encoded(record.value),
            "source_partition": 0,
            "source_offset": offset,
            "source_timestamp": "2026-02-06T20:00:00.000Z",
        }
    )


def _changes(folder: Path) -> Iterable[dict[str, Any]]:
    for path in sorted(folder.rglob("*part-*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _fold(folder: Path, key: str) -> dict[object, dict[str, object]]:
    table: dict[object, dict[str, object]] = {}
    for change in _changes(folder):
        if change["op"] == "c":
            table[change["after"][key]] = change["after"]
        else:
            table.pop(change["before"][key], None)
    return table
