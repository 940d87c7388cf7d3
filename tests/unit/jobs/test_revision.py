"""The content revision: it changes with the desired state of a job, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.jobs.job import Secret
from infra.jobs.render import render_job
from infra.pipeline import CapturedTable, MySqlSource, Source, TableTopics, load_pipeline
from infra.settings import ROOT
from tests.support.jobs import JOB

KAFKA = KafkaEndpoint("broker:9092")
MYSQL = MySqlEndpoint("db", 3307, "olympics_cdc", "swordfish", "olympics")


def test_revision_is_twelve_hexadecimal_digits() -> None:
    assert len(JOB.revision) == 12
    assert int(JOB.revision, 16) >= 0


def test_same_content_is_the_same_revision_in_any_order() -> None:
    again = replace(
        JOB,
        files=dict(reversed(list(JOB.files.items()))),
        arguments=dict(reversed(list(JOB.arguments.items()))),
    )

    assert again.revision == JOB.revision


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "games.other"}, id="name"),
        pytest.param({"script": "other.py"}, id="script"),
        pytest.param({"files": {**JOB.files, "cdc.py": b"print(1)"}}, id="content of a file"),
        pytest.param({"files": {**JOB.files, "more.sql": b""}}, id="another file"),
        pytest.param({"files": {"cdc.py": b"print()", "20_players.sql": b"SELECT 1"}}, id="name of a file"),
        pytest.param({"arguments": {"topic": "games.other"}}, id="arguments"),
        pytest.param({"configuration": {"a.b": "2"}}, id="configuration"),
        pytest.param({"configuration": JOB.arguments, "arguments": JOB.configuration}, id="swapped"),
        pytest.param({"parallelism": 2}, id="parallelism"),
        pytest.param({"image": "flink:2"}, id="image"),
    ],
)
def test_every_field_changes_the_revision(change: dict[str, Any]) -> None:
    assert replace(JOB, **change).revision != JOB.revision


def test_content_that_moves_between_files_changes_the_revision() -> None:
    one = replace(JOB, files={"a": b"xy", "b": b""})
    other = replace(JOB, files={"a": b"x", "b": b"y"})

    assert one.revision != other.revision


def test_secrets_are_neither_in_the_revision_nor_in_the_repr() -> None:
    other = replace(JOB, secrets=(Secret("s", "password", "marlin"), Secret("s", "k", "x")))

    assert other.revision == JOB.revision
    assert "swordfish" not in repr(JOB) + str(JOB)


def test_job_of_a_pipeline_is_rendered_without_its_password() -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")

    job = render_job(pipeline, "players_cdc", KAFKA, MYSQL, "/secrets")

    assert (job.name, job.script, job.parallelism) == ("olympics.players_cdc", "run_sql.py", 2)
    assert sorted(job.files) == [
        "10_players.sql", "20_players_topic.sql", "30_publish.sql", "run_sql.py",
    ]  # fmt: skip
    assert job.arguments == {
        "players_topic": "olympics.players",
        "bootstrap_servers": "broker:9092",
        "mysql_host": "db",
        "mysql_port": "3307",
        "mysql_user": "olympics_cdc",
        "mysql_password": "${secret:/secrets/olympics.players_cdc/olympics-mysql-cdc:password}",
        "mysql_database": "olympics",
        "mysql_table": "players",
        "server_ids": "5400-5409",
    }
    assert job.secrets == (Secret("olympics-mysql-cdc", "password", "swordfish"),)
    assert "swordfish" not in repr(job) + str(job.arguments)


def test_job_without_a_database_does_not_get_a_password() -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")

    job = render_job(pipeline, "analytics", KAFKA, MYSQL, "/secrets")

    assert job.secrets == ()
    assert not [name for name in job.arguments if name.startswith("mysql")]


def test_new_server_changes_the_revision_and_a_new_password_does_not() -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
    revision = render_job(pipeline, "players_cdc", KAFKA, MYSQL, "/secrets").revision
    other_password, other_host = replace(MYSQL, password="marlin"), replace(MYSQL, host="db2")

    assert render_job(pipeline, "players_cdc", KAFKA, other_password, "/secrets").revision == revision
    assert render_job(pipeline, "players_cdc", KAFKA, other_host, "/secrets").revision != revision


def test_captured_tables_and_their_columns_are_part_of_the_revision() -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
    source = MySqlSource(
        database="shop", tables=("customer*",), topics=TableTopics(prefix="shop.", partitions=1), server_ids="7-9"
    )
    pipeline = pipeline.model_copy(update={"source": Source(mysql=source)})
    customers = CapturedTable("customers", ("id",), "id", ("name",), (("id", "int", 0), ("name", "varchar", 0)))

    job = render_job(pipeline.with_tables([customers]), "players_cdc", KAFKA, MYSQL, "/secrets")

    assert job.files["captured_tables.json"] == (
        b'{"customers": {"key": ["id"], "split_by": "id", "columns": [["id", "int", 0], ["name", "varchar", 0]], '
        b'"latin1": ["name"]}}'
    )
    assert job.arguments["schema_changes"] == "follow"
    assert (job.arguments["topic_prefix"], job.arguments["split_rows"]) == ("shop.", "50000")
    assert "mysql_table" not in job.arguments
    wider = pipeline.with_tables([replace(customers, columns=(("id", "bigint", 0), ("name", "varchar", 0)))])
    assert render_job(wider, "players_cdc", KAFKA, MYSQL, "/secrets").revision != job.revision
    more = pipeline.with_tables([customers, replace(customers, name="customer_notes")])
    assert render_job(more, "players_cdc", KAFKA, MYSQL, "/secrets").revision != job.revision
