"""A job that was away while the server deleted its binlog: the failure names it and the way on."""

from __future__ import annotations

from pathlib import Path

from infra.errors import JobFailedError
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.mysql.connection import connect, fetch_rows
from infra.waiting import wait_until
from tests.local.capture_job import CaptureJob, capture_job, create_database, run_statements
from tests.local.conftest import Stack
from tests.support.heartbeat import await_health, failure_of

DATABASE = "archive"
DEFINITION = """\
name: archive
description: A table whose binlog is deleted
source:
  mysql:
    database: archive
    tables: ["*"]
    topics: {prefix: archive., partitions: 1}
    server_ids: 5710-5719
jobs:
  capture: {script: capture_tables.py, uses: [kafka, mysql]}
"""


def delete_binlog(stack: Stack) -> None:
    """Let the server delete every file of its binlog but a new one.

    It silently keeps a file that a reader has open, and notices that a reader is gone when it next writes to it.
    """

    def deleted() -> bool:
        run_statements(stack, "FLUSH BINARY LOGS")
        newest = binlogs(stack)[-1]
        run_statements(stack, f"PURGE BINARY LOGS TO '{newest}'")
        return binlogs(stack) == [newest]

    wait_until(deleted, "the binlog to be deleted", 60)


def binlogs(stack: Stack) -> list[str]:
    with connect(stack.mysql_admin) as connection:
        return [row[0] for row in fetch_rows(connection, "SHOW BINARY LOGS")]


def stop_change_and_delete_binlog(job: CaptureJob) -> str:
    """Return the savepoint of the stopped job, whose next changes are no longer in the binlog."""
    savepoint = job.target.stop(job.spec.name, savepoint=True)
    assert savepoint
    job.run("UPDATE entries SET note = 'changed' WHERE id = 1")
    delete_binlog(job.stack)
    return savepoint


def test_job_whose_binlog_was_deleted_fails_with_the_way_on(stack: Stack, tmp_path: Path) -> None:
    table = "CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(10))"
    create_database(stack, DATABASE, table, "INSERT INTO entries VALUES (1, 'one'), (2, 'two')")
    with capture_job(stack, tmp_path / DATABASE, DEFINITION) as job:
        job.agree()
        job.target.submit(job.spec, stop_change_and_delete_binlog(job))

        error = failure_of(job.target, job.spec)

        assert type(error) is JobFailedError
        assert str(error).startswith(
            "archive.capture cannot continue: the server deleted binlog files before the job had read them. Its topics "
            'are unchanged. Deploy with the param {"start_from": "scratch"}, '
        )
        ensure_started_from_scratch(job.target, job.spec)
        await_health(job.target, job.spec)
        assert job.agree() == {"archive.entries": 2}
        assert {row["note"] for row in job.rows("entries")} == {"changed", "two"}
    run_statements(stack, f"DROP DATABASE {DATABASE}")
