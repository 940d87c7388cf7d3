"""The platform on the cluster that KUBECONFIG names, in a namespace of its own that is deleted at the end."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.kafka.reader import read_tables
from infra.mysql.connection import connect
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from infra.stacks.local.airflow import airflow_program
from infra.waiting import wait_until
from tests.kubernetes import cluster
from tests.kubernetes.figures import FIGURES, timed
from tests.kubernetes.lock import only_run
from tests.local.conftest import stack  # noqa: F401, the fixture: the local stack next to the cluster
from tests.support.olympics_model import Row, expected_outputs

NAMESPACE = "olympic-streaming-tests"
KAFKA_PORT, MYSQL_PORT = 30092, 30306
# The chart creates database, users and connections of each; `shop` is added by the tests.
PIPELINES = [
    {"name": "olympics", "database": "olympics"},
    {"name": "olympic_events"},
    {"name": "shop", "database": "shop"},
]
# The smallest stable sizes, so that everything fits on a laptop.
SIZES = {
    "JOBMANAGER_MEMORY_MB": "768",
    "TASKMANAGER_MEMORY_MB": "1152",
    "CPU_MILLIS": "100",
    "CPU_LIMIT_FACTOR": "20",
    "CHECKPOINT_INTERVAL_MS": "2000",
}


def why_not() -> str | None:
    """Return why this tier cannot run here; None if it can."""
    for program in ("kubectl", "helm"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not os.environ.get("KUBECONFIG"):
        return "KUBECONFIG is not set"
    result = subprocess.run(
        ["kubectl", "version", "--request-timeout=10s"], capture_output=True, text=True, check=False
    )
    return None if result.returncode == 0 else f"the cluster does not answer: {result.stderr.strip()}"


@dataclass(frozen=True)
class Cluster:
    """The deployed platform, used from outside the cluster."""

    folder: Path
    pipeline: Pipeline
    host: str

    def deploy(self, root: Path = ROOT) -> list[str]:
        """Deploy the pipeline from outside the cluster, and return the log lines of the tasks."""
        return self.run_dag("deploy", root)

    def run_dag(self, name: str, root: Path = ROOT, **conf: str | None) -> list[str]:
        """Run `airflow dags test <pipeline>_<name>`, and return the log lines of the tasks."""
        params = json.dumps({"target": "kubernetes", **conf})
        command = [airflow_program(), "dags", "test", "--conf", params, f"{self.pipeline.name}_{name}"]
        result = subprocess.run(command, env=self.environment(root), capture_output=True, text=True, check=False)
        with (self.folder / "airflow.log").open("a") as log:
            log.write(result.stdout + result.stderr)
        lines = [line for line in result.stdout.splitlines() if "[infra.tasks]" in line]
        assert result.returncode == 0, "\n".join(lines) + result.stdout[-3000:] + cluster.describe(NAMESPACE)
        return [line.split("] ", 1)[1].split("[infra.tasks]")[0].strip() for line in lines]

    def environment(self, root: Path = ROOT) -> dict[str, str]:
        """Return the environment of Airflow outside the cluster: its connections, and the settings of the target."""
        versions = {"IMAGE": cluster.image("flink"), "FLINK_VERSION": cluster.flink_version()}
        settings = {"NAMESPACE": NAMESPACE, **versions, **SIZES}
        return {
            **os.environ,
            **{f"OLYMPIC_STREAMING_KUBERNETES_{key}": value for key, value in settings.items()},
            **self._connections(),
            "OLYMPIC_STREAMING_DATA_DIR": str(self.folder / "data"),
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(root),
            "PYTHONWARNINGS": "ignore",
        }

    def _connections(self) -> dict[str, str]:
        name = self.pipeline.name.upper()
        found: dict[str, Any] = {
            "KUBERNETES_DEFAULT": {"conn_type": "kubernetes", "extra": {"namespace": NAMESPACE}},
            f"{name}_KAFKA": {
                "conn_type": "kafka",
                "extra": {"bootstrap.servers": f"{self.host}:{KAFKA_PORT}", "jobs.bootstrap.servers": "kafka:9092"},
            },
        }
        for role, suffix in (("mysql", "MYSQL"), ("mysql-cdc", "MYSQL_CDC"), ("mysql-reader", "MYSQL_READER")):
            user = self.endpoint(role)
            found[f"{name}_{suffix}"] = {
                "conn_type": "mysql",
                "host": user.host,
                "port": user.port,
                "login": user.user,
                "password": user.password,
                "schema": user.database,
                "extra": {"jobs_host": "mysql", "jobs_port": 3306},
            }
        return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in found.items()}

    def endpoint(self, role: str) -> MySqlEndpoint:
        """Return the database as a user sees it; the roles are those of the chart's Secrets."""
        user = secret(f"{self.pipeline.name}-{role}")
        database = self.pipeline.mysql_source.database
        return MySqlEndpoint(self.host, MYSQL_PORT, user["username"], user["password"], database)

    @property
    def kafka(self) -> KafkaEndpoint:
        return KafkaEndpoint(f"{self.host}:{KAFKA_PORT}")

    def execute(self, *statements: str) -> None:
        with connect(self.endpoint("mysql")) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def expected(self) -> dict[str, list[str]]:
        """Return the model's outputs for the rows of the table."""
        with connect(self.endpoint("mysql-reader")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, name, nationality, score FROM players")
            rows = [Row(*row) for row in cursor.fetchall()]
        return {f"olympics.{topic}": _lines(list(values.values())) for topic, values in expected_outputs(rows).items()}

    def results(self) -> dict[str, list[str]]:
        """Return the values of the topics as sorted lines of JSON."""
        tables = read_tables(self.kafka, self.pipeline.checks, self.pipeline.quarantine)
        return {topic: _lines(values) for topic, values in tables.items()}

    def await_agreement(self, seconds: float = 120) -> float:
        """Wait until the topics equal the model's outputs, and return the seconds that it took."""
        begun = time.monotonic()
        wait_until(lambda: self.results() == self.expected(), "the outputs to agree", seconds, poll_seconds=0.5)
        return time.monotonic() - begun


def _lines(values: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)


def secret(name: str) -> dict[str, str]:
    """Return the values of a Secret."""
    data = cluster.get(NAMESPACE, "secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of FlinkStateSnapshots for an operator that does not have them."""
    if not cluster.OPERATOR_HAS_SNAPSHOTS:
        left_out = [item for item in items if "snapshots" in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def install_chart() -> None:
    """Install or upgrade the chart with the pipelines of the tests."""
    cluster.install_chart(NAMESPACE, "--set-json", f"pipelines={json.dumps(PIPELINES)}")


@pytest.fixture(scope="session")
def platform() -> Iterator[str]:
    """The namespace with the operator and the chart; the images are built first."""
    reason = why_not()
    if reason:
        pytest.skip(f"the tier kubernetes needs a cluster: {reason}")
    with timed("the tier, from the images to the end"):
        with timed("images, built or found"):
            cluster.build_images()
        with only_run(NAMESPACE, (KAFKA_PORT, MYSQL_PORT)):
            with timed("operator and chart, until ready"):
                cluster.install_operator(NAMESPACE)
                install_chart()
                cluster.wait_ready(NAMESPACE)
            yield NAMESPACE


@pytest.fixture(scope="session")
def deployed(platform: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The pipeline, deployed once from outside the cluster."""
    found = Cluster(
        tmp_path_factory.mktemp("outside"), load_pipeline(ROOT / "flink_jobs" / "olympics"), cluster.node_address()
    )
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], env=found.environment(), check=True, capture_output=True
    )
    with timed("first deployment, including Airflow's start and the check of the results"):
        print("\n".join(found.deploy()))
    return found


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        terminalreporter.section("figures of the tier kubernetes")
        for figure in FIGURES:
            terminalreporter.write_line(figure)
