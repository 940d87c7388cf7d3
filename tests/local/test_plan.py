"""`make plan` before the first deployment of a pipeline, after it, and after edits; it never changes anything."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from rich.console import Console

from infra.cli.deployment import prepare, run_dag
from infra.errors import TopicDriftError
from infra.flink.rest import FlinkRest
from infra.kafka.client import admin_client, consumer
from infra.kafka.topics import describe_topics, ensure_topics
from infra.mysql.connection import binlog_position, connect, fetch_rows
from infra.mysql.grants import show_grants
from infra.pipeline import Pipeline, Topic, load_pipeline
from infra.settings import ROOT, Settings, inherited_environment, load_settings
from infra.stacks.local import stack as local_stack
from infra.stacks.passwords import SECRETS_FILE
from infra.targets.local import local_target
from tests.local.conftest import Stack
from tests.support.checkout import copy_checkout

NAME = "stadium"
DEFINITION = """\
name: stadium
description: Athletes, to be planned.
topics:
  stadium.players: {partitions: 2, cleanup_policy: compact}
source:
  mysql:
    database: stadium
    table: players
    seed: {schema: schema.sql, data: data/players.csv}
    server_ids: 5460-5469
jobs:
  players_cdc:
    script: ../shared/run_sql.py
    files: [players_cdc]
    uses: [kafka, mysql]
    writes: [stadium.players]
    arguments: {players_topic: stadium.players}
checks:
  stadium.players: {key: [id], expect: ../olympic_statistics/checks/players.sql}
"""
# Files of the data directory that no running service writes.
FILES = ("jobs", "rejects", SECRETS_FILE, "airflow/connections.json")


@dataclass(frozen=True)
class Planner:
    """The pipeline in a checkout of its own, with the command of a user."""

    stack: Stack
    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.root / "flink_jobs" / NAME

    @property
    def pipeline(self) -> Pipeline:
        return load_pipeline(self.folder)

    def plan(self, *options: str) -> tuple[int, str]:
        """Return status and standard output of `python -m infra plan`; nothing is changed, and no secret is shown."""
        command = [sys.executable, "-m", "infra", "plan", "--pipeline", NAME, *options]
        environment = {**inherited_environment(), **self.stack.environ}
        before = self.everything()
        done = subprocess.run(command, cwd=self.settings.root, env=environment, capture_output=True, text=True)
        assert self.everything() == before
        secrets = self.settings.data_dir / SECRETS_FILE
        known = json.loads(secrets.read_text()).values() if secrets.exists() else []
        assert [value for value in known if value in done.stdout + done.stderr] == []
        assert done.stderr == ""
        return done.returncode, done.stdout

    def document(self, *options: str) -> dict[str, Any]:
        """Return the plan as JSON; its exit status is that of the command."""
        status, output = self.plan("--json", *options)
        document: dict[str, Any] = json.loads(output)
        assert document["exit_status"] == status
        return document

    def everything(self) -> dict[str, Any]:
        """Return the state of every system, so that a test can compare it."""
        files = [path for name in FILES for path in sorted(self._below(self.settings.data_dir / name))]
        return {
            "topics": self._topics(),
            "database": self._database(),
            "jobs": sorted((job["jid"], job["state"]) for job in FlinkRest(str(self.stack.flink)).jobs()),
            "files": {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
            "data directory": sorted(path.name for path in self.settings.data_dir.iterdir()),
        }

    def _below(self, path: Path) -> Iterator[Path]:
        yield from ([path] if path.is_file() else (each for each in path.rglob("*") if each.is_file()))

    def _topics(self) -> dict[str, Any]:
        with admin_client(self.stack.kafka) as admin, consumer(self.stack.kafka) as client:
            names = [name for name in admin.list_topics() if not name.startswith("__")]
            known = {name: Topic(partitions=1, cleanup_policy="delete") for name in names}
            found = describe_topics(admin, known)
            partitions = [TopicPartition(name, number) for name in names for number in range(found[name].partitions)]
            return {**found, "begin": client.beginning_offsets(partitions), "end": client.end_offsets(partitions)}

    def _database(self) -> dict[str, Any]:
        with connect(self.stack.mysql_admin) as admin:
            tables = fetch_rows(
                admin,
                "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN "
                "('mysql', 'information_schema', 'performance_schema', 'sys')",
            )
            users = [row[0] for row in fetch_rows(admin, "SELECT User FROM mysql.user WHERE Host = '%%'", [])]
            return {
                "databases": fetch_rows(admin, "SHOW DATABASES"),
                "definitions": [fetch_rows(admin, f"SHOW CREATE TABLE `{db}`.`{name}`") for db, name in tables],
                "rows": [fetch_rows(admin, f"SELECT * FROM `{db}`.`{name}`") for db, name in tables],
                "users": {user: show_grants(admin, user) for user in users},
                "binlog": binlog_position(admin),
            }


@pytest.fixture(scope="module")
def planner(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    """The pipeline, of which nothing is deployed."""
    root = copy_checkout(tmp_path_factory.mktemp("checkout"), **{NAME: DEFINITION})
    for name in ("players_cdc", "data"):
        shutil.copytree(ROOT / "flink_jobs" / "olympics" / name, root / "flink_jobs" / NAME / name)
    shutil.copy(ROOT / "flink_jobs" / "olympics" / "schema.sql", root / "flink_jobs" / NAME)
    settings = load_settings(stack.environ, root)
    yield Planner(stack, settings)
    local_target(settings).delete(f"{NAME}.players_cdc")
    with connect(local_stack.mysql_admin(settings)) as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")


def run(planner: Planner, **params: object) -> str:
    """Run the DAG of the deployment, and return the lines of its tasks."""
    lines = StringIO()
    conf = {"target": "local", **params}
    run_dag(planner.settings, f"{NAME}_deploy", conf, Console(file=lines, width=500))
    return lines.getvalue()


@pytest.fixture(scope="module")
def prepared(planner: Planner) -> Planner:
    """The same, with the database, the users and the connections."""
    prepare(planner.settings, planner.pipeline)
    return planner


@pytest.fixture(scope="module")
def deployed(prepared: Planner) -> Planner:
    run(prepared)
    return prepared


def actions(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the objects by action."""
    found: dict[str, list[str]] = {}
    for change in document["changes"]:
        found.setdefault(change["action"], []).append(f"{change['kind']} {change['name']}")
    return found


def test_plan_of_a_new_pipeline_creates_every_object(planner: Planner) -> None:
    document = planner.document()

    assert document["exit_status"] == 2
    assert actions(document) == {
        "unchanged": ["target local", "source stadium"],
        "create": [
            "database stadium",
            "user stadium_owner",
            "user stadium_cdc",
            "user stadium_reader",
            "table players",
            "rows players",
            "topic stadium.players",
            "scripts stadium.players_cdc",
            "job stadium.players_cdc",
        ],
    }


def test_run_with_plan_only_reports_the_plan_and_skips_the_deployment(prepared: Planner) -> None:
    before = prepared.everything()

    output = run(prepared, plan_only=True)

    assert prepared.everything() == before
    assert "plan_deployment: + topic stadium.players: partitions 2, cleanup.policy compact" in output
    assert "plan_deployment: Plan of stadium on local: 5 to create, 0 to change, 2 unchanged, 0 refused." in output
    assert "provision_topics" not in output


def test_plan_after_the_deployment_has_nothing_to_do(deployed: Planner) -> None:
    status, output = deployed.plan()

    assert output.splitlines()[-1] == ("Plan of stadium on local: 0 to create, 0 to change, 11 unchanged, 0 refused.")
    assert status == 0


def test_edits_are_shown_as_changes(deployed: Planner, tmp_path: Path) -> None:
    script, definition = deployed.folder / "players_cdc" / "30_publish.sql", deployed.folder / "pipeline.yaml"
    data = tmp_path / "players.csv"
    data.write_text("name,nationality,score\nAlex,Austria,10\nPeter,US,2\nJosef,US,8\nMax,Austria,4\nMary,Italy,9\n")
    text = script.read_text()
    script.write_text(f"{text}-- The end.\n")
    definition.write_text(DEFINITION.replace("compact}", "compact, config: {segment.bytes: 16777216}}"))

    try:
        status, output = deployed.plan("--data", str(data))
    finally:
        script.write_text(text)
        definition.write_text(DEFINITION)

    lines = output.splitlines()
    changed = [line for line in lines if line.startswith(("+", "~", "!"))]
    assert status == 2
    assert changed[:2] == [
        "~ rows of players: insert 0, update 2 and delete 0 of the 5 rows",
        "~ topic stadium.players: segment.bytes 1073741824 to 16777216",
    ]
    assert [line.split(":")[0] for line in changed[2:]] == [
        "~ scripts stadium.players_cdc", "~ job stadium.players_cdc"
    ]  # fmt: skip
    assert "    +-- The end." in lines
    assert lines[-1] == "Plan of stadium on local: 0 to create, 4 to change, 7 unchanged, 0 refused."


def test_refusal_has_the_message_of_the_deployment(deployed: Planner) -> None:
    definition = deployed.folder / "pipeline.yaml"
    definition.write_text(DEFINITION.replace("partitions: 2", "partitions: 3"))

    try:
        document = deployed.document()
        with pytest.raises(TopicDriftError) as caught:
            ensure_topics(deployed.stack.kafka, deployed.pipeline.topics)
    finally:
        definition.write_text(DEFINITION)

    [refused] = [change for change in document["changes"] if change["action"] == "refuse"]
    assert document["exit_status"] == 1
    assert (refused["kind"], refused["name"], refused["summary"]) == ("topic", "stadium.players", str(caught.value))


def test_foreign_table_is_refused_with_the_number_of_rows(deployed: Planner) -> None:
    with connect(deployed.stack.mysql_admin) as admin, admin.cursor() as cursor:
        cursor.execute(f"UPDATE {NAME}.olympic_streaming_tables SET pipeline = 'other'")
        admin.commit()

    try:
        document = deployed.document()
        adopted = deployed.document("--adopt-table")
    finally:
        with connect(deployed.stack.mysql_admin) as admin, admin.cursor() as cursor:
            cursor.execute(f"UPDATE {NAME}.olympic_streaming_tables SET pipeline = '{NAME}'")
            admin.commit()

    [refused] = [change for change in document["changes"] if change["action"] == "refuse"]
    assert refused["summary"] == (
        "table 'players' belongs to the pipeline 'other', so it is not seeded. A seed would insert 0, update 0 and "
        "delete 0 of the 5 rows. Nothing was changed. Remove seed from the source to only read the table, choose "
        "another table, or allow it once with adopt_table."
    )
    assert actions(adopted)["change"] == ["rows players"]
