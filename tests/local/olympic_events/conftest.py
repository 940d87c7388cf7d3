"""The record feed deployed for real, by the same command that a user runs, on the private parts of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from infra.checks.audit import AuditReport, audit_records
from infra.checks.outputs import CheckReport, check_outputs
from infra.cli.deployment import run_dag
from infra.kafka.client import consumer
from infra.kafka.quarantine import QuarantinedRecord, read_entries_and_marks
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.olympics_model import expected_outputs, in_order
from tests.support.record_model import Bad, Folded, Sent, fold

TOPIC = "olympic_data"
QUARANTINE = "olympic_events.quarantine"


@dataclass(frozen=True)
class Feed:
    """The deployed pipeline, with what a user has at hand: commands, the topic, and results."""

    stack: Stack
    pipeline: Pipeline

    def run(self, *arguments: str) -> str:
        """`make run PIPELINE=olympic_events`; returns what it printed."""
        return self._command("run", *arguments)

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """`make results PIPELINE=olympic_events FORMAT=json`."""
        found: dict[str, list[dict[str, Any]]] = json.loads(self._command("results", "--format", "json"))
        return found

    def dag(self, dag_id: str, conf: dict[str, object]) -> None:
        """`airflow dags test`."""
        run_dag(self.stack.settings, dag_id, conf, Console(quiet=True))

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        """Records of anybody: without headers and, where that can be, without a key."""
        send_records(self.stack.kafka, (Record(TOPIC, key_of(value), value, partition) for value in values))

    def send_all(self, records: Iterable[tuple[int, int, bytes | None]]) -> None:
        """Records as (partition, timestamp, value)."""
        send_records(
            self.stack.kafka,
            (Record(TOPIC, key_of(value), value, at, timestamp_ms=when) for at, when, value in records),
        )

    def sent(self) -> list[Sent]:
        """All records of the topic."""
        with consumer(self.stack.kafka) as client:
            found = RecordReader(client, TOPIC).refresh()
        return [Sent(record.partition, record.offset, record.timestamp, record.value) for record in found]

    def quarantine(self) -> list[QuarantinedRecord]:
        """The entries of the quarantine that come from the feed."""
        with consumer(self.stack.kafka) as client:
            entries, _ = read_entries_and_marks(client, QUARANTINE)
        return [entry for entry in entries if entry.source_topic == TOPIC]

    def expected(self) -> Folded:
        """What the model makes of the topic."""
        return fold(self.sent())

    def await_agreement(self, seconds: float = 120) -> AuditReport:
        """Until the product's own checks agree; then the model must, too."""
        check_outputs(self.pipeline, None, self.stack.kafka, list, str, seconds)
        assert self.pipeline.audit is not None
        report = audit_records(self.pipeline, self.pipeline.audit, self.stack.kafka, seconds)
        self.assert_agrees_with_model()
        return report

    def check(self, seconds: float = 120) -> CheckReport:
        """The product's own check of the outputs."""
        return check_outputs(self.pipeline, None, self.stack.kafka, list, str, seconds)

    def assert_agrees_with_model(self) -> None:
        """Outputs and quarantine against the model in plain Python, which shares nothing with either SQL."""
        expected = self.expected()
        outputs = expected_outputs(expected.entries.values())
        outputs["entries"] = outputs.pop("players")
        found = self.results()
        for topic, values in outputs.items():
            assert in_order(found[f"olympic_events.{topic}"]) == in_order(values.values()), topic
        entries = self.quarantine()
        assert {
            Bad(entry.source_partition, entry.source_offset, entry.position, entry.reason) for entry in entries
        } == expected.quarantine
        values_sent = {(sent.partition, sent.offset): sent.value for sent in self.sent()}
        assert [
            entry for entry in entries if entry.value != values_sent[entry.source_partition, entry.source_offset]
        ] == []

    def await_quarantined(self, count: int, seconds: float = 60) -> list[QuarantinedRecord]:
        """The entries, as soon as there are so many."""
        return wait_until(
            lambda: found if len(found := self.quarantine()) >= count else None, f"{count} entries", seconds
        )

    def _command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "infra", *arguments, "--pipeline", "olympic_events"]
        environment = {**os.environ, **self.stack.environ}
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


def key_of(value: bytes | None) -> bytes | None:
    """The client sends no record without both; whoever sends one without a value gives it a key."""
    return b"name" if value is None else None


@pytest.fixture(scope="session")
def feed(stack: Stack) -> Feed:
    """The pipeline, deployed with its sample; later tests send more records."""
    feed = Feed(stack, load_pipeline(ROOT / "flink_jobs" / "olympic_events"))
    print(feed.run())
    return feed
