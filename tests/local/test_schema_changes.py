"""Statements that change captured tables: followed without a deployment, or named at the end of the job."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.checks.outputs import check_outputs
from infra.jobs.job import JobSpec, JobState
from infra.jobs.render import render_job
from infra.kafka.reader import read_tables
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import connect
from infra.mysql.preflight_tables import check_tables_ready
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.targets.session import SessionTarget
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.heartbeat import await_health

DATABASE = "ledger"
DEFINITION = """\
name: ledger
description: A table whose columns change
source:
  mysql:
    database: ledger
    tables: ["*"]
    topics: {prefix: %s., partitions: 1}
    server_ids: 5700-5709
    schema_changes: %s
jobs:
  capture: {script: capture_tables.py, uses: [kafka, mysql]}
"""
TABLE = "CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(10), amount DECIMAL(10, 2), kind ENUM('a', 'b'))"


@dataclass
class Capture:
    """A running job that captures the table `entries`, under topics of its own."""

    stack: Stack
    pipeline: Pipeline
    target: SessionTarget
    job: JobSpec

    def run(self, *statements: str) -> None:
        with connect(self.stack.mysql_admin) as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"USE {DATABASE}")
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def agreed(self) -> list[dict[str, Any]]:
        """Return the rows of the topic by their id, once they equal those of the table."""
        reader = local_stack.mysql_endpoint(self.stack.settings, "reader", DATABASE)
        check_outputs(self.pipeline, reader, self.stack.kafka, list, str, 60)
        [topic] = self.pipeline.checks
        return sorted(read_tables(self.stack.kafka, [topic])[topic], key=lambda row: row["id"])

    def failure(self) -> str:
        """Return the exception with which the job has ended."""
        wait_until(lambda: self.target.status(self.job.name).state is JobState.FAILED, "the job to end", 60)
        return self.target.status(self.job.name).last_failure or ""


@pytest.fixture
def capture(stack: Stack, tmp_path: Path) -> Iterator[Callable[[str], Capture]]:
    """Return a function that starts the job with a policy, on a table with one row."""
    with ExitStack() as ends:

        def start(policy: str) -> Capture:
            with connect(stack.mysql_admin) as connection, connection.cursor() as cursor:
                ensure_database(connection, DATABASE)
                ensure_users(connection, DATABASE, local_stack.mysql_passwords(stack.settings, DATABASE))
                cursor.execute(f"USE {DATABASE}")
                cursor.execute(TABLE)
                ends.callback(_drop, stack)
                cursor.execute("INSERT INTO entries VALUES (1, 'one', 1.50, 'a')")
                connection.commit()
            folder = tmp_path / "ledger"
            folder.mkdir()
            (folder / "pipeline.yaml").write_text(DEFINITION % (tmp_path.name, policy))
            shutil.copy(ROOT / "flink_jobs" / "shared" / "capture_tables.py", folder)
            pipeline = load_pipeline(folder)
            cdc = local_stack.mysql_endpoint(stack.settings, "cdc", DATABASE)
            pipeline = pipeline.with_tables(check_tables_ready(cdc, pipeline.mysql_source).tables)
            ensure_topics(stack.kafka, pipeline.topics)
            target, job = local_target(stack.settings), render_job(pipeline, "capture", stack.kafka, cdc)
            target.ensure_scripts(job)
            ends.callback(target.delete, job.name)
            target.submit(job)
            await_health(target, job)
            found = Capture(stack, pipeline, target, job)
            found.run("UPDATE entries SET note = 'two' WHERE id = 1")  # from now on, the job reads the binlog
            assert found.agreed() == [{"id": 1, "note": "two", "amount": "1.50", "kind": "a"}]
            return found

        yield start


def _drop(stack: Stack) -> None:
    with connect(stack.mysql_admin) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")


def test_new_and_wider_columns_are_followed(capture: Callable[[str], Capture]) -> None:
    followed = capture("follow")
    followed.run(
        "ALTER TABLE entries ADD COLUMN tags JSON NULL, ADD COLUMN score BIGINT UNSIGNED",
        "ALTER TABLE entries MODIFY note TEXT, MODIFY amount DECIMAL(30, 2), MODIFY kind ENUM('a', 'b', 'c')",
        "CREATE INDEX by_kind ON entries (kind)",
        "ALTER TABLE entries ADD INDEX by_amount (amount), COMMENT 'a ledger'",
        "INSERT INTO entries VALUES (2, REPEAT('x', 20), 123456789012345.00, 'c', NULL, 18446744073709551615)",
    )

    old, new = followed.agreed()

    assert old == {"id": 1, "note": "two", "amount": "1.50", "kind": "a"}
    assert new == {
        "id": 2, "note": "x" * 20, "amount": "123456789012345.00", "kind": "c", "tags": None, "score": 2**64 - 1,
    }  # fmt: skip
    assert followed.target.status(followed.job.name).state is JobState.RUNNING


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("TRUNCATE TABLE entries", "the binlog does not have the rows that it deleted, so the topic keeps them."),
        (
            "ALTER TABLE entries RENAME COLUMN note TO remark",
            (
                "column note of table entries was dropped or renamed, and rows that are not written again keep it on "
                "the topic."
            ),
        ),
        (
            "ALTER TABLE entries MODIFY amount DECIMAL(12, 3)",
            "column amount of table entries has the type DECIMAL now, and rows that are not written again do not.",
        ),
        (
            "ALTER TABLE entries ADD COLUMN size INT NOT NULL DEFAULT 5",
            (
                "column size of table entries has a value in rows that are not written again, and they do not reach "
                "the topic."
            ),
        ),
    ],
)
def test_other_statements_end_the_job_with_their_name(
    capture: Callable[[str], Capture], statement: str, problem: str
) -> None:
    ended = capture("follow")

    ended.run(statement)

    failure = ended.failure()
    assert f"the source ran {statement} (binlog." in failure
    assert failure.endswith(f"): {problem} Deploy with start_from: scratch, which reads the tables again.")


def test_with_stop_a_new_column_ends_the_job(capture: Callable[[str], Capture]) -> None:
    ended = capture("stop")

    ended.run("CREATE INDEX by_kind ON entries (kind)", "ALTER TABLE entries ADD COLUMN tags JSON")

    assert ended.failure().endswith("column tags of table entries is new, and schema_changes is stop. Deploy again.")


def test_with_ignore_the_job_goes_on(capture: Callable[[str], Capture]) -> None:
    ignored = capture("ignore")

    ignored.run("TRUNCATE TABLE entries", "INSERT INTO entries VALUES (1, 'new', 2, 'b')")

    assert ignored.agreed() == [{"id": 1, "note": "new", "amount": "2.00", "kind": "b"}]
