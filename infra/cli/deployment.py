"""`make run`: start the local stack, run the deploy DAG with `airflow dags test`, and print the validated results."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.console import Console

from infra.endpoints import MySqlEndpoint
from infra.errors import AccessDeniedError, DagFailedError, DataFileError
from infra.mysql.connection import connect
from infra.mysql.users import ensure_database, ensure_users, has_database, preview_users
from infra.pipeline import Pipeline, databases_of, load_pipeline, load_valid_pipelines
from infra.pipeline.naming import ROLES, TASK_LOGGER, Role
from infra.plan import Action, PlannedChange
from infra.results import print_results
from infra.settings import Settings
from infra.stacks.local.airflow import airflow_environment, airflow_program, ensure_airflow
from infra.stacks.local.stack import kafka_endpoint, known_mysql_endpoint, mysql_admin, mysql_endpoint, up
from infra.stacks.log_tail import log_tail

# A line of Airflow's console log that a task of this platform wrote.
_STEP_LINE = re.compile(r"^\S+ \[(?P<level>\w+) *\] (?P<text>.*?) +\[" + re.escape(TASK_LOGGER) + r"\]")


def pipelines_root(settings: Settings) -> Path:
    """Return the folder of the pipelines."""
    return settings.root / "flink_jobs"


def run_pipeline(settings: Settings, name: str, conf: dict[str, object], console: Console) -> None:
    """Start the local stack, deploy a pipeline and print its results; `conf` are the DAG's params.

    DagFailedError if a task fails.
    """
    begun = time.monotonic()
    pipeline = load_pipeline(pipelines_root(settings) / name)
    console.print("[bold]Local stack[/bold]")
    up(settings, lambda line: console.print(f"  {line}", highlight=False))
    for line in prepare(settings, pipeline):
        console.print(f"  {line}", highlight=False)
    console.print(f"[bold]DAG {name}_deploy[/bold]")
    run_dag(settings, f"{name}_deploy", conf, console)
    console.print(f"[bold]Results of {name}[/bold], validated; {time.monotonic() - begun:.0f} s in all")
    print_results(pipeline, kafka_endpoint(settings), console)


def prepare(settings: Settings, pipeline: Pipeline) -> list[str]:
    """Create the pipeline's database and users, if it has one, and Airflow's database and connections.

    Return a line for each change.
    """
    lines = _prepare_database(settings, pipeline.mysql_source.database) if pipeline.source.mysql else []
    airflow = ensure_airflow(settings, databases_of(load_valid_pipelines(pipelines_root(settings))))
    return [*lines, f"airflow: {airflow}"]


def _prepare_database(settings: Settings, database: str) -> list[str]:
    with connect(mysql_admin(settings)) as admin:
        change = ensure_database(admin, database)
        endpoints = {role: mysql_endpoint(settings, role, database) for role in ROLES}
        require: Literal["X509", "NONE"] = "X509" if settings.stack.security == "mtls" else "NONE"
        users = ensure_users(admin, database, _new_passwords(endpoints), require)
        admin.commit()
    return [f"database {database}: {change}", *users]


def _new_passwords(endpoints: Mapping[Role, MySqlEndpoint]) -> dict[Role, str | None]:
    """Return the password of each role's user; None for a user that can already log in with it."""
    passwords: dict[Role, str | None] = {role: endpoint.password for role, endpoint in endpoints.items()}
    for role, endpoint in endpoints.items():
        try:
            with connect(endpoint):
                passwords[role] = None
        except AccessDeniedError:
            continue  # the user does not exist, or has another password
    return passwords


@dataclass(frozen=True)
class PreviewedDatabase:
    """What `prepare` would do with a database and its users, and the endpoint of a role, as it will be after that."""

    changes: list[PlannedChange]
    endpoints: Mapping[Role, MySqlEndpoint]

    @property
    def is_missing(self) -> bool:
        """True if the database would be created."""
        return self.changes[0].action is Action.CREATE


def preview_database(settings: Settings, database: str) -> PreviewedDatabase:
    """Return what `prepare` would do with the database and its users, and change nothing.

    In place of a user that does not exist yet, or would get other privileges, the administrator reads the database.
    """
    with connect(mysql_admin(settings)) as connection:
        missing = not has_database(connection, database)
        known = {role: known_mysql_endpoint(settings, role, database) for role in ROLES}
        logins = {role: replace(endpoint, database=None if missing else database) for role, endpoint in known.items()}
        changes = preview_users(connection, database, _new_passwords(logins))
    admin = replace(mysql_admin(settings), database=database)
    users = zip(known, changes[1:], strict=True)
    ready = {role for role, change in users if change.action is Action.UNCHANGED}
    return PreviewedDatabase(changes, {role: known[role] if role in ready else admin for role in known})


def run_dag(
    settings: Settings, dag_id: str, conf: dict[str, object], console: Console, logical_date: str | None = None
) -> None:
    """Run a DAG with `airflow dags test`, print the lines of its tasks, and write the whole output to a log file.

    A data file with an absolute path is allowed wherever it is, because the user of this process can read it anyway.
    """
    data_file = Path(str(conf.get("data_file") or ""))
    if data_file.is_absolute():
        settings = settings.with_data_file_root(data_file.parent)
    log = settings.data_dir / "logs" / f"{dag_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [airflow_program(), "dags", "test", "--conf", json.dumps(conf), dag_id]
    command += [logical_date] if logical_date else []
    begun = time.monotonic()
    failures = []
    with (
        log.open("w", encoding="utf-8") as sink,
        subprocess.Popen(
            command,
            env=airflow_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            sink.write(line)
            step = _STEP_LINE.match(line)
            if step:
                console.print(f"  {time.monotonic() - begun:5.1f} s  {step['text']}", markup=False, soft_wrap=True)
                failures += [step["text"]] if step["level"] == "error" else []
        code = process.wait()
    if code:
        cause = failures[0] if failures else log_tail(log.read_text(encoding="utf-8"))
        raise DagFailedError(f"{cause}\nThe DAG {dag_id} failed. The whole log is {log}.")


def existing_file(data: str | None) -> str | None:
    """Return the absolute path of a user's data file; DataFileError if it does not exist, None for None."""
    if data is None:
        return None
    path = Path(data).expanduser().resolve()
    if not path.is_file():
        raise DataFileError(
            f"{data}: the file does not exist. Expected a CSV file, or JSON lines for a source topic. Fix DATA."
        )
    return str(path)
