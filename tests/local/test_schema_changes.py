"""Statements that change captured tables: followed without a deployment, or named at the end of the job."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from infra.jobs.job import JobState
from infra.refusals import Refusal
from tests.local.capture_job import CaptureJob, capture_job, create_database, run_statements
from tests.local.conftest import Stack
from tests.support.heartbeat import failure_of
from tests.support.refusals import of_tier

DATABASE = "ledger"
GROUP = "Statements on captured tables while their job runs"
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


# What the source runs for each row of the table of refusals.
STATEMENTS = {
    "statement-truncate": "TRUNCATE TABLE entries",
    "statement-rename": "ALTER TABLE entries RENAME COLUMN note TO remark",
    "statement-type": "ALTER TABLE entries MODIFY amount DECIMAL(12, 3)",
    "statement-default": "ALTER TABLE entries ADD COLUMN size INT NOT NULL DEFAULT 5",
    "statement-charset": "ALTER TABLE entries ADD COLUMN old VARCHAR(9) CHARACTER SET latin1",
    "statement-new-column": "ALTER TABLE entries ADD COLUMN tags JSON",
}


@pytest.mark.parametrize("refusal", of_tier("local", [GROUP]), ids=lambda refusal: refusal.name)
def test_other_statements_end_the_job_with_their_name(capture: Callable[[str], CaptureJob], refusal: Refusal) -> None:
    ended = capture("stop" if refusal.name == "statement-new-column" else "follow")

    ended.run("CREATE INDEX by_kind ON entries (kind)", STATEMENTS[refusal.name])

    error = failure_of(ended.target, ended.spec)
    position = re.search(r"\((binlog\.\d+:\d+)\)", str(error))
    assert position, error
    url = ended.target.status(ended.spec.name).url
    words = {"job": ended.spec.name, "position": position[1], "url": url}
    assert f"{type(error).__name__}: {error}" == f"{refusal.error}: {refusal.text(words)}"


def test_every_statement_is_in_the_table_of_refusals() -> None:
    assert list(STATEMENTS) == [refusal.name for refusal in of_tier("local", [GROUP])]


def test_with_ignore_the_job_goes_on(capture: Callable[[str], CaptureJob]) -> None:
    ignored = capture("ignore")

    ignored.run("TRUNCATE TABLE entries", "INSERT INTO entries VALUES (1, 'new', 2, 'b')")

    assert agreed(ignored) == [{"id": 1, "note": "new", "amount": "2.00", "kind": "b"}]
