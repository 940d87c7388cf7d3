"""Airflow on the local stack: its services, its home in the data directory, and connections with generated secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from infra.errors import SetupError
from infra.settings import Settings, inherited_environment
from infra.stacks.airflow_connections import Connections, Databases, render_connections
from infra.stacks.local.database import mysql_endpoint
from infra.stacks.local.kafka import kafka_endpoint
from infra.stacks.local.service import PROBE_TIMEOUT_SECONDS, Service
from infra.stacks.log_tail import log_tail
from infra.stacks.private_files import write_private


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of every `airflow` command on the local stack; it contains no secret."""
    home = settings.data_dir / "airflow"
    backend = {"connections_file_path": str(home / "connections.json")}
    return {
        **inherited_environment(),
        **settings.as_environment(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),  # the services call `airflow`
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.ports.airflow),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{settings.ports.airflow}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{settings.ports.airflow}/execution/",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",  # the button in Admin > Connections
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.data_dir / "logs" / "airflow"),
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "kafka=WARNING",  # the client logs each connection
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(backend),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONPATH": str(settings.root),
        "PYTHONWARNINGS": "ignore",
    }


# Without their log servers, which listen on all addresses; the API server reads the log files itself.
_COMPONENTS = {
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag_processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


def airflow_services(settings: Settings) -> list[Service]:
    """Return Airflow's services on loopback; `ensure_airflow` prepares their database and connections."""
    port = settings.ports.airflow
    return [
        _service(settings, "api_server", ["api-server", "--host", "127.0.0.1", "--port", str(port)], {"airflow": port}),
        *(_service(settings, name, command, {}) for name, command in _COMPONENTS.items()),
    ]


def _service(settings: Settings, component: str, command: list[str], ports: dict[str, int]) -> Service:
    name = f"airflow-{component.replace('_', '-')}"
    return Service(
        name=name,
        command=[airflow_program(), *command],
        directory=settings.data_dir / "airflow",
        log=settings.data_dir / "logs" / f"{name}.log",
        ports=ports,
        environment=airflow_environment(settings),
        probe=lambda: probe_airflow(settings, component),
        ready_seconds=240,
    )


def probe_airflow(settings: Settings, component: str) -> str | None:
    """Return None if the API server answers and reports the component as healthy, else what was observed."""
    url = f"http://127.0.0.1:{settings.ports.airflow}/api/v2/monitor/health"
    try:
        answer = httpx.get(url, timeout=PROBE_TIMEOUT_SECONDS, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    status = answer.json()["metadatabase" if component == "api_server" else component]["status"]
    return None if status == "healthy" else f"its status is {status}"


def ensure_airflow(settings: Settings, databases: Databases) -> str:
    """Create Airflow's own database, and write the connections of every pipeline; return created or unchanged.

    `databases` maps each pipeline to its database, if it has one. SetupError if Airflow's database cannot be created.
    """
    home = settings.data_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    write_private(home / "connections.json", json.dumps(connections(settings, databases), indent=1))
    done = home / "migrated"
    version = _airflow_version()
    if done.exists() and done.read_text() == version:
        return "unchanged"
    command = [airflow_program(), "db", "migrate"]
    answer = subprocess.run(command, env=airflow_environment(settings), capture_output=True, text=True, check=False)
    if answer.returncode:
        output = log_tail(answer.stdout + answer.stderr)
        raise SetupError(f"airflow: its database could not be created. The end of the output:\n{output}")
    done.write_text(version)
    return "created"


def connections(settings: Settings, databases: Databases) -> Connections:
    """Return the connections to the local stack by id, with the generated passwords."""
    return render_connections(
        databases, kafka_endpoint(settings), lambda database, role: mysql_endpoint(settings, role, database)
    )


def airflow_program() -> str:
    """Return the path of `airflow` in this Python environment."""
    return str(Path(sys.executable).with_name("airflow"))


def _airflow_version() -> str:
    from importlib.metadata import version

    return version("apache-airflow-core")
