"""A captured table is read again while its job runs: no old row follows a newer one, and no other table is read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from infra.checks.absent_rows import absent_keys
from infra.errors import JobFailedError
from infra.kafka.bulk import bulk_reader
from infra.kafka.reloads import Reloaded, await_reload, request_reload
from infra.kafka.writer import Record, send_records
from infra.mysql.connection import connect
from infra.pipeline.naming import reload_topic
from infra.stacks.local import stack as local_stack
from tests.local.capture_job import CaptureJob, capture_job, create_database, run_statements
from tests.local.conftest import Stack
from tests.support.background import repeating

ROWS = 30_000
HOT = 200
DEFINITION = """\
name: depot
description: A table that changes while it is read again
source:
  mysql:
    database: depot
    tables: [parts, shelves]
    topics: {prefix: depot., partitions: 2}
    server_ids: 5680-5689
    schema_changes: ignore
jobs:
  capture: {script: capture_tables.py, uses: [kafka, mysql], parallelism: 2}
"""
TABLES = (
    (
        "CREATE TABLE parts (shelf VARCHAR(10) COLLATE utf8mb4_bin, number INT, version BIGINT, "
        "PRIMARY KEY (shelf, number))"
    ),
    "CREATE TABLE shelves (id INT PRIMARY KEY, place VARCHAR(20))",
    "INSERT INTO shelves VALUES (1, 'left'), (2, 'right')",
)


def insert_parts(stack: Stack) -> None:
    rows = [(f"s{number % 7}", number, 0) for number in range(ROWS)]
    with connect(stack.mysql_admin) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO depot.parts VALUES (%s, %s, %s)", rows)
        connection.commit()


@pytest.fixture(scope="module")
def depot(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaptureJob]:
    create_database(stack, "depot", *TABLES)
    insert_parts(stack)
    with capture_job(stack, tmp_path_factory.mktemp("pipelines") / "depot", DEFINITION) as job:
        job.run("UPDATE shelves SET place = 'middle' WHERE id = 1")  # from now on, the job reads the binlog
        job.agree()
        yield job
    run_statements(stack, "DROP DATABASE depot")


def reload(job: CaptureJob, table: str, where: str = "") -> Reloaded:
    topic, pipeline = f"depot.{table}", job.pipeline
    absent = []
    if not where:
        one = pipeline.model_copy(update={"checks": {topic: pipeline.checks[topic]}})
        reader = local_stack.mysql_endpoint(job.stack.settings, "reader", "depot")
        absent = absent_keys(one, topic, reader, job.stack.kafka)
    requests = reload_topic(pipeline.name)
    request = request_reload(job.stack.kafka, requests, table, where, absent)
    return await_reload(job.stack.kafka, requests, request, 120, list, print)


def ends(job: CaptureJob, table: str) -> dict[int, int]:
    with bulk_reader(job.stack.kafka) as reader:
        return dict(reader.states([f"depot.{table}"])[f"depot.{table}"].ends)


def records(job: CaptureJob, table: str) -> list[tuple[str, dict[str, Any] | None]]:
    """Return key and value of every record of the topic; those of a key are in their order."""
    topic = f"depot.{table}"
    with bulk_reader(job.stack.kafka) as reader:
        state = reader.states([topic])[topic]
        starts = {(topic, number): offset for number, offset in state.beginnings.items()}
        batches = reader.batches(starts, {(topic, number): end for number, end in state.ends.items()})
        rows = [row for batch in batches for row in batch.rows[topic]]
    return [(row[3].decode(), json.loads(row[4]) if row[4] else None) for row in rows if row[3]]


def test_old_row_never_follows_a_newer_one(depot: CaptureJob) -> None:
    """Each write has a larger version than all before it, so a version that is too small is an old row."""
    versions, choice = count(1), random.Random(3)

    def write() -> None:
        number = choice.randrange(0, ROWS, ROWS // HOT)
        shelf = f"s{number % 7}"
        with connect(depot.stack.mysql_admin) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM depot.parts WHERE number = %s AND shelf = %s", [number, shelf])
            if choice.random() < 0.3:
                connection.commit()  # the row is gone for a moment
            row = [shelf, number, next(versions)]
            cursor.execute("INSERT INTO depot.parts VALUES (%s, %s, %s)", row)
            connection.commit()

    with repeating(write, 0.002):
        reloads = [reload(depot, "parts") for _ in range(2)]
        while next(versions) < HOT:
            reloads.append(reload(depot, "parts"))

    assert all(reloaded.rows >= ROWS - 1 for reloaded in reloads)
    assert depot.agree()["depot.parts"] == ROWS
    newest: dict[str, int] = {}
    for key, row in records(depot, "parts"):
        if row is not None:
            assert row["version"] >= newest.get(key, 0), f"{key}: {row} follows version {newest[key]}"
            newest[key] = row["version"]
    assert max(newest.values()) > 0


def test_deleted_row_does_not_come_back(depot: CaptureJob) -> None:
    """A tombstone is the newest record of its row, whatever part of the table is read when the row is deleted."""
    numbers = iter(range(1, ROWS, 7))
    deleted = []

    def delete() -> None:
        number = next(numbers)
        with connect(depot.stack.mysql_admin) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM depot.parts WHERE number = %s AND shelf = %s", [number, f"s{number % 7}"])
            connection.commit()
        deleted.append(json.dumps({"shelf": f"s{number % 7}", "number": number}, separators=(",", ":")))

    with repeating(delete, 0.002):
        while len(deleted) < HOT:
            reload(depot, "parts")
    depot.agree()

    last = dict(records(depot, "parts"))
    assert [key for key in deleted if last[key] is not None] == []


def test_other_tables_are_not_read_again(depot: CaptureJob) -> None:
    before = ends(depot, "shelves")

    reloaded = reload(depot, "parts")

    assert reloaded.rows == depot.agree()["depot.parts"]
    assert ends(depot, "shelves") == before


def test_rows_that_the_table_does_not_have_are_deleted(depot: CaptureJob) -> None:
    """The binlog does not have the rows that TRUNCATE has deleted, so the stream cannot delete them."""
    depot.run("TRUNCATE TABLE shelves", "INSERT INTO shelves VALUES (2, 'new'), (3, 'third')")
    strays = [Record("depot.shelves", key, b'{"id":9,"place":"nowhere"}') for key in (b'{"id":9}', b"\xff")]
    send_records(depot.stack.kafka, strays)

    reloaded = reload(depot, "shelves")

    assert reloaded == Reloaded(2, 3)
    assert depot.agree()["depot.shelves"] == 2


def test_only_rows_of_the_condition_are_read(depot: CaptureJob) -> None:
    before = sum(ends(depot, "parts").values())

    reloaded = reload(depot, "parts", "shelf IN ('s3', 's''2') AND number < 70")

    assert 0 < reloaded.rows <= 10
    assert sum(ends(depot, "parts").values()) == before + reloaded.rows


def test_request_that_cannot_be_served_fails_and_the_job_goes_on(depot: CaptureJob) -> None:
    with pytest.raises(JobFailedError, match=r"the job could not read the table again: .*nowhere"):
        reload(depot, "parts", "nowhere = 1")
    with pytest.raises(JobFailedError, match=r"this job does not capture table users. Deploy it again\."):
        await_reload(
            depot.stack.kafka, "depot.reloads",
            request_reload(depot.stack.kafka, "depot.reloads", "users", "", []), 60, list, print,
        )  # fmt: skip

    depot.run("UPDATE shelves SET place = 'after' WHERE id = 2")
    depot.agree()
