"""Statements that change captured tables: followed without a deployment, or named at the end of the job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from infra.jobs.job import JobState
from infra.waiting import wait_until
from tests.local.capture_job import CaptureJob, capture_job, create_database, run_statements
from tests.local.conftest import Stack

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


@pytest.fixture
def capture(stack: Stack, tmp_path: Path) -> Iterator[Callable[[str], CaptureJob]]:
    """Return a function that starts the job with a policy, on a table with one row."""
    with ExitStack() as ends:

        def start(policy: str) -> CaptureJob:
            create_database(stack, DATABASE, TABLE, "INSERT INTO entries VALUES (1, 'one', 1.50, 'a')")
            ends.callback(run_statements, stack, f"DROP DATABASE {DATABASE}")
            definition = DEFINITION % (tmp_path.name, policy)
            job = ends.enter_context(capture_job(stack, tmp_path / DATABASE, definition))
            job.run("UPDATE entries SET note = 'two' WHERE id = 1")  # from now on, the job reads the binlog
            assert agreed(job) == [{"id": 1, "note": "two", "amount": "1.50", "kind": "a"}]
            return job

        yield start


def agreed(job: CaptureJob) -> list[dict[str, Any]]:
    """Return the rows of the topic by their id, once they equal those of the table."""
    job.agree()
    return sorted(job.rows("entries"), key=lambda row: row["id"])


def failure(job: CaptureJob) -> str:
    """Return the exception with which the job has ended."""
    wait_until(lambda: job.target.status(job.spec.name).state is JobState.FAILED, "the job to end", 60)
    return job.target.status(job.spec.name).last_failure or ""


def test_new_and_wider_columns_are_followed(capture: Callable[[str], CaptureJob]) -> None:
    followed = capture("follow")
    followed.run(
        "ALTER TABLE entries ADD COLUMN tags JSON NULL, ADD COLUMN score BIGINT UNSIGNED",
        "ALTER TABLE entries MODIFY note TEXT, MODIFY amount DECIMAL(30, 2), MODIFY kind ENUM('a', 'b', 'c')",
        "CREATE INDEX by_kind ON entries (kind)",
        "ALTER TABLE entries ADD INDEX by_amount (amount), COMMENT 'a ledger'",
        "INSERT INTO entries VALUES (2, REPEAT('x', 20), 123456789012345.00, 'c', NULL, 18446744073709551615)",
    )

    old, new = agreed(followed)

    assert old == {"id": 1, "note": "two", "amount": "1.50", "kind": "a"}
    assert new == {
        "id": 2, "note": "x" * 20, "amount": "123456789012345.00", "kind": "c", "tags": None, "score": 2**64 - 1,
    }  # fmt: skip
    assert followed.target.status(followed.spec.name).state is JobState.RUNNING


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
    capture: Callable[[str], CaptureJob], statement: str, problem: str
) -> None:
    ended = capture("follow")

    ended.run(statement)

    cause = failure(ended)
    assert f"the source ran {statement} (binlog." in cause
    assert cause.endswith(f"): {problem} Deploy with start_from: scratch, which reads the tables again.")


def test_with_stop_a_new_column_ends_the_job(capture: Callable[[str], CaptureJob]) -> None:
    ended = capture("stop")

    ended.run("CREATE INDEX by_kind ON entries (kind)", "ALTER TABLE entries ADD COLUMN tags JSON")

    assert failure(ended).endswith("column tags of table entries is new, and schema_changes is stop. Deploy again.")


def test_with_ignore_the_job_goes_on(capture: Callable[[str], CaptureJob]) -> None:
    ignored = capture("ignore")

    ignored.run("TRUNCATE TABLE entries", "INSERT INTO entries VALUES (1, 'new', 2, 'b')")

    assert agreed(ignored) == [{"id": 1, "note": "new", "amount": "2.00", "kind": "b"}]
