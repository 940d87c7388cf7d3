"""A table that is added to a running job: the changes of the other tables arrive while it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from infra.jobs.upgrade import ensure_running
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of
from infra.mysql.connection import connect
from infra.waiting import wait_until
from tests.local.capture_job import CaptureJob, capture_job, create_database, render, run_statements
from tests.local.conftest import Stack
from tests.support.heartbeat import await_health

DEFINITION = """\
name: annex
description: A table that is added to a running job
source:
  mysql:
    database: annex
    tables: [{tables}]
    topics: {{prefix: {prefix}., partitions: 1}}
    server_ids: 5670-5679
jobs:
  capture: {{script: capture_tables.py, uses: [kafka, mysql], parallelism: 2}}
"""
SEEN = 3
DOUBLINGS = 19
TABLES = (
    "CREATE TABLE small (id INT PRIMARY KEY, version INT)",
    "INSERT INTO small VALUES (1, 0)",
    "CREATE TABLE large (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(200))",
    "INSERT INTO large (text) VALUES (REPEAT('x', 200))",
    *["INSERT INTO large (text) SELECT text FROM large"] * DOUBLINGS,
)


def definition(folder: Path, tables: str) -> str:
    """Return the definition with topics of the test's own."""
    return DEFINITION.format(tables=tables, prefix=folder.name)


@pytest.fixture
def annex(stack: Stack, tmp_path: Path) -> Iterator[CaptureJob]:
    """A job that captures the small table and reads the binlog."""
    create_database(stack, "annex", *TABLES)
    with capture_job(stack, tmp_path / "annex", definition(tmp_path, "small")) as job:
        job.run("UPDATE small SET version = 1")
        job.agree()
        yield job
    run_statements(stack, "DROP DATABASE annex")


def end(client: KafkaConsumer, topic: str) -> int:
    return sum(client.end_offsets(partitions_of(client, topic)).values())


def test_changes_of_other_tables_arrive_while_the_added_table_is_read(annex: CaptureJob, tmp_path: Path) -> None:
    pipeline, spec = render(annex.stack, tmp_path / "annex", definition(tmp_path, "small, large"))
    annex.target.ensure_scripts(spec)
    with consumer(annex.stack.kafka, fetch_max_wait_ms=5) as client:
        large, small = pipeline.checks
        [partition] = partitions_of(client, small)
        client.assign([partition])
        client.seek(partition, end(client, small))
        ensure_running(annex.target, spec)
        wait_until(lambda: end(client, large) > 0, "the first row of the added table", 120)
        seen = []
        for version in count(2):
            annex.run(f"UPDATE small SET version = {version}")
            versions: list[int] = []
            while version not in versions:
                records = client.poll(timeout_ms=10_000).get(partition, [])
                assert records, f"version {version} did not arrive; {end(client, large)} rows of the other table did"
                versions = [json.loads(record.value)["version"] for record in records]
            seen.append(end(client, large))
            if seen[-1] >= 2**DOUBLINGS:
                break

    assert len({rows for rows in seen if rows < 2**DOUBLINGS}) >= SEEN, seen
    await_health(annex.target, spec)
    assert replace(annex, pipeline=pipeline, spec=spec).agree() == {large: 2**DOUBLINGS, small: 1}


def test_added_table_is_read_from_its_beginning_if_the_job_stops_in_between(annex: CaptureJob, tmp_path: Path) -> None:
    pipeline, spec = render(annex.stack, tmp_path / "annex", definition(tmp_path, "small, large"))
    annex.target.ensure_scripts(spec)
    with consumer(annex.stack.kafka) as client:
        large, small = pipeline.checks
        # The transaction of an application that is open: the last part of the table cannot be read.
        with connect(annex.stack.mysql_admin) as application, application.cursor() as cursor:
            cursor.execute("UPDATE annex.large SET text = 'y' ORDER BY id DESC LIMIT 1")
            ensure_running(annex.target, spec)
            wait_until(lambda: end(client, large) > 0, "the first row of the added table", 120)
            savepoint = annex.target.stop(spec.name, savepoint=True)
        read = end(client, large)
        assert 0 < read < 2**DOUBLINGS

        annex.target.submit(spec, savepoint)
        await_health(annex.target, spec)
        rows = replace(annex, pipeline=pipeline, spec=spec).agree()
        assert rows == {large: 2**DOUBLINGS, small: 1}
        assert end(client, large) == read + 2**DOUBLINGS
