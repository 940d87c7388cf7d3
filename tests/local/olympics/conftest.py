"""The pipeline `olympics`, deployed with the command of a user on the private local stack of this test run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import TopicPartition
from rich.console import Console

from infra.checks.outputs import CheckReport, check_outputs
from infra.cli.deployment import run_dag
from infra.endpoints import MySqlEndpoint
from infra.jobs.job import JobStatus
from infra.kafka.client import consumer
from infra.kafka.reader import read_to_end
from infra.mysql.connection import connect
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.targets.session import SessionTarget
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.olympics_model import SEED, Row, expected_outputs, in_order

CHECK_SECONDS = 120
JOBS = ("olympics.players_cdc", "olympics.analytics")


@dataclass(frozen=True)
class Deployment:
    """The deployed pipeline with the interfaces of a user: commands, SQL, and results."""

    stack: Stack
    pipeline: Pipeline

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m infra ...`, as the Makefile does."""
        environment = {**os.environ, **self.stack.environ}
        command = [sys.executable, "-m", "infra", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def run(self, *arguments: str) -> str:
        """Run `make run` and return its output."""
        result = self.command("run", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Return the output of `make results FORMAT=json`."""
        result = self.command("results", "--format", "json")
        assert result.returncode == 0, result.stderr
        found: dict[str, list[dict[str, Any]]] = json.loads(result.stdout)
        return found

    def endpoint(self, role: Any) -> MySqlEndpoint:
        return local_stack.mysql_endpoint(self.stack.settings, role, "olympics")

    def execute(self, *statements: str) -> None:
        """Run SQL as the owner, and commit."""
        with connect(self.endpoint("owner")) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def rows(self) -> list[Row]:
        """Return the rows of the table."""
        with connect(self.endpoint("reader")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, name, nationality, score FROM players")
            return [Row(*row) for row in cursor.fetchall()]

    def check(self, timeout_seconds: float = CHECK_SECONDS) -> CheckReport:
        """Run the platform's own check of the outputs."""
        return check_outputs(self.pipeline, self.endpoint("reader"), self.stack.kafka, list, str, timeout_seconds)

    def assert_agrees_with_model(self) -> None:
        """Compare the results with the Python model, which shares no code with either SQL."""
        expected = expected_outputs(self.rows())
        found = self.results()
        for topic, values in expected.items():
            assert in_order(found[f"olympics.{topic}"]) == in_order(values.values()), topic

    def await_agreement(self, seconds: float = 60) -> None:
        """Wait until the topics agree with the table."""
        wait_until(lambda: self.check(timeout_seconds=seconds), "the outputs to agree", seconds)

    def dag(self, dag_id: str, conf: dict[str, object], logical_date: str | None = None) -> None:
        """Run `airflow dags test`."""
        run_dag(self.stack.settings, dag_id, conf, Console(quiet=True), logical_date)

    def records(self, topic: str) -> list[bytes]:
        """Return the values of all records of a topic, by partition and offset."""
        with consumer(self.stack.kafka) as client:
            partitions = [TopicPartition(topic, number) for number in sorted(client.partitions_for_topic(topic) or ())]
            client.assign(partitions)
            return [record.value for record in read_to_end(client, partitions, {})]

    @property
    def target(self) -> SessionTarget:
        return local_target(self.stack.settings)

    def statuses(self) -> dict[str, JobStatus]:
        return {name: self.target.status(name) for name in JOBS}


@pytest.fixture(scope="session")
def deployment(stack: Stack) -> Deployment:
    """The pipeline, deployed with its seed rows; tests may change the table, and each prepares the rows it requires."""
    deployed = Deployment(stack, load_pipeline(ROOT / "flink_jobs" / "olympics"))
    deployed.run()
    return deployed


@pytest.fixture
def seeded(deployment: Deployment) -> Deployment:
    """The deployment with exactly the five seed rows, and outputs that agree."""
    rows = ", ".join(f"({row.id}, '{row.name}', '{row.nationality}', {row.score})" for row in SEED)
    deployment.execute("DELETE FROM players", f"INSERT INTO players VALUES {rows}")
    deployment.await_agreement()
    return deployment
