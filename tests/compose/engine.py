"""The platform in a Compose project of the tests, through goals of the Makefile and commands of Docker."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.olympics_model import Row, expected_outputs

PROJECT = "olympic-streaming-tests"
TIMEOUT_SECONDS = 600
IN_MYSQL = (
    "MYSQL_PWD=$(< /run/secrets/mysql-root-password) "
    "mysql --host=127.0.0.1 --user=root --default-character-set=utf8mb4 --batch --skip-column-names "
)
IN_AIRFLOW = """
from pathlib import Path
from infra.endpoints import KafkaEndpoint
from infra.results import results_json
from infra.pipeline import load_pipeline
print(results_json(load_pipeline(Path("/opt/olympic-streaming/flink_jobs/olympics")), KafkaEndpoint("kafka:9092")))
"""


class EngineError(AssertionError):
    """A command failed; the message contains its whole output."""


@dataclass(frozen=True)
class Project:
    """A Compose project of a checkout; `variables` are added to the environment of every command."""

    root: Path
    data_dir: Path
    variables: Mapping[str, str]

    def make(self, goal: str, **variables: str) -> list[str]:
        """Return the lines that `make GOAL` printed."""
        return self._run(["make", "--no-print-directory", goal], **variables).splitlines()

    def compose(self, *arguments: str, stdin: str | None = None) -> str:
        return self._run(["docker", "compose", "--file", "docker/compose.yaml", *arguments], stdin)

    def docker(self, *arguments: str) -> str:
        return self._run(["docker", *arguments])

    def container_ids(self, service: str = "") -> list[str]:
        """Return the running containers of one service, or of all."""
        return self.compose("ps", "--quiet", *([service] if service else [])).split()

    def secret(self, name: str) -> str:
        return (self.data_dir / "compose" / "mounted" / name).read_text()

    def secrets(self) -> set[str]:
        """Return every password."""
        return set(json.loads((self.data_dir / "compose" / "secrets.json").read_text()).values())

    def execute(self, *statements: str, database: str = "olympics") -> list[list[str]]:
        """Run SQL as root, and return the rows of a query."""
        command = ("exec", "-T", "mysql", "bash", "-c", IN_MYSQL + database)
        output = self.compose(*command, stdin=";\n".join(statements) + ";\n")
        return [line.split("\t") for line in output.splitlines()]

    def expected(self) -> dict[str, list[str]]:
        """Return the model's outputs for the rows of the table."""
        rows = self.execute("SELECT id, name, nationality, score FROM players")
        return model_of([Row(int(key), name, nation, int(score)) for key, name, nation, score in rows])

    def results(self) -> dict[str, list[str]]:
        """Return the values of the topics as sorted lines of JSON."""
        found: dict[str, Any] = json.loads(self.compose("exec", "-T", "airflow", "python", "-c", IN_AIRFLOW))
        return {topic: _lines(values) for topic, values in found.items()}

    def _run(self, command: list[str], stdin: str | None = None, **variables: str) -> str:
        environment = {**os.environ, **self.variables, **variables}
        result = subprocess.run(
            command,
            env=environment,
            cwd=self.root,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        if result.returncode:
            raise EngineError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
        return result.stdout


def model_of(rows: list[Row]) -> dict[str, list[str]]:
    """Return the model's outputs in the form of `Project.results`."""
    return {f"olympics.{topic}": _lines(list(values.values())) for topic, values in expected_outputs(rows).items()}


def _lines(values: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)
