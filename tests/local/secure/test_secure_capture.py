"""The job of captured tables on a broker and a database that refuse plain text: snapshot, binlog and reload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.checks.absent_rows import absent_keys
from infra.kafka.reloads import await_reload, request_reload
from infra.pipeline.naming import reload_topic
from infra.stacks.local import stack as local_stack
from tests.local.capture_job import CaptureJob, capture_job, create_database
from tests.local.olympics.conftest import Deployment
from tests.local.secure.conftest import secrets_of

DEFINITION = """\
name: depot
description: A table on a database that refuses plain text
source:
  mysql:
    database: depot
    tables: [shelves]
    topics: {prefix: depot., partitions: 1}
    server_ids: 5690-5699
jobs:
  capture: {script: capture_tables.py, uses: [kafka, mysql]}
"""


@pytest.fixture(scope="module")
def depot(deployed: tuple[Deployment, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaptureJob]:
    """The running job, after the snapshot of two rows."""
    stack = deployed[0].stack
    rows = "INSERT INTO shelves VALUES (1, 'left'), (2, 'right')"
    create_database(stack, "depot", "CREATE TABLE shelves (id INT PRIMARY KEY, place VARCHAR(20))", rows)
    with capture_job(stack, tmp_path_factory.mktemp("pipelines") / "depot", DEFINITION) as job:
        job.agree(180)
        yield job


def test_changes_of_the_binlog_arrive(depot: CaptureJob) -> None:
    depot.run("UPDATE shelves SET place = 'middle' WHERE id = 1", "DELETE FROM shelves WHERE id = 2")
    assert depot.agree(120) == {"depot.shelves": 1}


def test_table_is_read_again(depot: CaptureJob) -> None:
    stack, pipeline = depot.stack, depot.pipeline
    reader = local_stack.mysql_endpoint(stack.settings, "reader", "depot")
    absent = absent_keys(pipeline, "depot.shelves", reader, stack.kafka)
    request = request_reload(stack.kafka, reload_topic(pipeline.name), "shelves", "", absent)
    reloaded = await_reload(stack.kafka, reload_topic(pipeline.name), request, 180, list, print)
    assert reloaded.rows == 1


def test_job_has_references_only(depot: CaptureJob) -> None:
    text = "".join([*depot.spec.arguments.values(), *map(str, depot.spec.configuration.items())]).encode()
    assert "${secret:" in depot.spec.arguments["mysql_password"]
    secrets = secrets_of(depot.stack.settings)
    assert [name for name, forms in secrets.items() if any(form in text for form in forms)] == []


def test_secrets_of_a_deleted_job_are_deleted(depot: CaptureJob) -> None:
    folder = Path(depot.target.secrets) / depot.spec.name
    assert folder.is_dir()
    depot.target.delete(depot.spec.name)
    assert not folder.exists()
