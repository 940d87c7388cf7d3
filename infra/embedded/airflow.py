"""Airflow beside the embedded parts: its home in the state folder, and connections with the generated secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.embedded.database import Role, mysql_endpoint
from infra.embedded.kafka import kafka_endpoint
from infra.embedded.parts import write_private
from infra.errors import SetupError
from infra.settings import Settings, inherited_environment

ROLES: dict[str, Role] = {"mysql": "application", "mysql_cdc": "cdc", "mysql_reader": "reader"}


def airflow_environment(settings: Settings) -> dict[str, str]:
    """The environment of every `airflow` command on the embedded parts; it holds no secret."""
    home = settings.state_dir / "airflow"
    backend = {"connections_file_path": str(home / "connections.json")}
    return {
        **inherited_environment(),
        **settings.as_environment(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),  # `standalone` calls `airflow`
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
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.state_dir / "logs" / "airflow"),
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "kafka=WARNING",  # the client tells of each connection
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(backend),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONPATH": str(settings.root),
        "PYTHONWARNINGS": "ignore",
    }


def ensure_airflow(settings: Settings, databases: dict[str, str | None]) -> str:
    """Airflow's own database, and the connections of every pipeline; `databases` is pipeline to database, if any.

    Returns "created" or "unchanged"; SetupError when the database cannot be made.
    """
    home = settings.state_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    write_private(home / "connections.json", json.dumps(connections(settings, databases), indent=1))
    done = home / "migrated"
    version = _airflow_version()
    if done.exists() and done.read_text() == version:
        return "unchanged"
    command = [airflow_program(), "db", "migrate"]
    answer = subprocess.run(command, env=airflow_environment(settings), capture_output=True, text=True, check=False)
    if answer.returncode:
        lines = (answer.stdout + answer.stderr).strip().splitlines()[-15:]
        raise SetupError("airflow: its database could not be made:\n" + "\n".join(lines))
    done.write_text(version)
    return "created"


def connections(settings: Settings, databases: dict[str, str | None]) -> dict[str, dict[str, object]]:
    """The connections by id, as Airflow's local secrets file has them."""
    host, _, port = kafka_endpoint(settings).bootstrap_servers.rpartition(":")
    found: dict[str, dict[str, object]] = {}
    for pipeline, database in databases.items():
        found[f"{pipeline}_kafka"] = {"conn_type": "kafka", "host": host, "port": int(port)}
        if database is None:
            continue
        for suffix, role in ROLES.items():
            endpoint = mysql_endpoint(settings, role, database)
            found[f"{pipeline}_{suffix}"] = {
                "conn_type": "mysql",
                "host": endpoint.host,
                "port": endpoint.port,
                "login": endpoint.user,
                "password": endpoint.password,
                "schema": database,
            }
    return found


def airflow_program() -> str:
    """The `airflow` of this Python environment."""
    return str(Path(sys.executable).with_name("airflow"))


def _airflow_version() -> str:
    from importlib.metadata import version

    return version("apache-airflow-core")
