"""The pipeline `olympic_events`, deployed with the command of a user on the private local stack of this test run."""

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
from infra.kafka.quarantine import read_quarantine
from infra.kafka.quarantine_format import QuarantinedRecord
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.olympics_model import expected_outputs, in_order
from tests.support.record_model import Folded, Quarantined, Sent, fold

TOPIC = "olympic_data"
QUARANTINE = "olympic_events.quarantine"
AGREEMENT_SECONDS = 120


@dataclass(frozen=True)
class Deployment:
    """The deployed pipeline with the interfaces of a user: commands, the source topic, and results."""

    stack: Stack
    pipeline: Pipeline

    def run(self, *arguments: str) -> str:
        """Run `make run PIPELINE=olympic_events` and return its output."""
        return self._command("run", *arguments)

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Return the output of `make results PIPELINE=olympic_events FORMAT=json`."""
        found: dict[str, list[dict[str, Any]]] = json.loads(self._command("results", "--format", "json"))
        return found

    def dag(self, dag_id: str, conf: dict[str, object]) -> None:
        """Run `airflow dags test`."""
        run_dag(self.stack.settings, dag_id, conf, Console(quiet=True))

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        """Send records like any producer: without headers and, if possible, without a key."""
        send_records(self.stack.kafka, (Record(TOPIC, key_of(value), value, partition) for value in values))

    def send_all(self, records: Iterable[tuple[int, int, bytes | None]]) -> None:
        """Send records given as (partition, timestamp, value)."""
        send_records(
            self.stack.kafka,
            (Record(TOPIC, key_of(value), value, at, timestamp_ms=when) for at, when, value in records),
        )

    def sent(self) -> list[Sent]:
        """Return all records of the source topic."""
        with consumer(self.stack.kafka) as client:
            found = RecordReader(client, TOPIC).refresh()
        return [Sent(record.partition, record.offset, record.timestamp, record.value) for record in found]

    def quarantine(self) -> list[QuarantinedRecord]:
        """Return the quarantined records of the source topic."""
        with consumer(self.stack.kafka) as client:
            quarantined, _ = read_quarantine(client, QUARANTINE)
        return [record for record in quarantined if record.source_topic == TOPIC]

    def expected(self) -> Folded:
        """Return athletes and quarantine that the model computes from the source topic."""
        return fold(self.sent())

    def await_agreement(self, seconds: float = AGREEMENT_SECONDS) -> AuditReport:
        """Wait until the platform's own checks pass, and then compare with the model."""
        check_outputs(self.pipeline, None, self.stack.kafka, list, str, seconds)
        assert self.pipeline.audit is not None
        report = audit_records(self.pipeline, self.pipeline.audit, self.stack.kafka, seconds)
        self.assert_agrees_with_model()
        return report

    def check(self, seconds: float = AGREEMENT_SECONDS) -> CheckReport:
        """Run the platform's own check of the outputs."""
        return check_outputs(self.pipeline, None, self.stack.kafka, list, str, seconds)

    def assert_agrees_with_model(self) -> None:
        """Compare outputs and quarantine with the Python model, which shares no code with either SQL."""
        expected = self.expected()
        outputs = expected_outputs(expected.athletes.values())
        outputs["entries"] = outputs.pop("players")
        found = self.results()
        for topic, values in outputs.items():
            assert in_order(found[f"olympic_events.{topic}"]) == in_order(values.values()), topic
        quarantined = self.quarantine()
        assert {
            Quarantined(
                record.source_partition,
                record.source_offset,
                record.reason,
                record.invalid_elements,
                tuple((element["position"], element["reason"]) for element in record.elements),
            )
            for record in quarantined
        } == expected.quarantine
        sent_values = {(sent.partition, sent.offset): sent.value for sent in self.sent()}
        assert [one for one in quarantined if one.value != sent_values[one.source_partition, one.source_offset]] == []

    def await_quarantined(self, count: int, seconds: float = 60) -> list[QuarantinedRecord]:
        """Wait until there are `count` quarantined records, and return them."""
        return wait_until(
            lambda: found if len(found := self.quarantine()) >= count else None, f"{count} quarantined records", seconds
        )

    def _command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "infra", *arguments, "--pipeline", "olympic_events"]
        environment = {**os.environ, **self.stack.environ}
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


def key_of(value: bytes | None) -> bytes | None:
    """Return a key for a record without a value, because the client rejects a record without both."""
    return b"name" if value is None else None


@pytest.fixture(scope="session")
def deployment(stack: Stack) -> Deployment:
    """The pipeline, deployed with its sample records; later tests send more records."""
    deployment = Deployment(stack, load_pipeline(ROOT / "flink_jobs" / "olympic_events"))
    print(deployment.run())
    return deployment
