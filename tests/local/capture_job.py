"""A job that captures tables, without the DAG around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.checks.outputs import check_outputs
from infra.jobs.job import JobSpec
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
from tests.local.conftest import Stack
from tests.support.heartbeat import await_health


@dataclass(frozen=True)
class CaptureJob:
    """The running job `capture` of a pipeline."""

    stack: Stack
    pipeline: Pipeline
    target: SessionTarget
    spec: JobSpec

    @property
    def database(self) -> str:
        return self.pipeline.mysql_source.database

    def run(self, *statements: str) -> None:
        """Run the statements in one transaction of an administrator."""
        run_statements(self.stack, f"USE {self.database}", *statements)

    def agree(self, seconds: float = 60) -> dict[str, int]:
        """Return the number of rows of each topic, once all equal their tables."""
        reader = local_stack.mysql_endpoint(self.stack.settings, "reader", self.database)
        return check_outputs(self.pipeline, reader, self.stack.kafka, list, self.state, seconds, 10).rows

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of the topic of a table."""
        [topic] = [name for name in self.pipeline.checks if name.endswith(f".{table}")]
        return read_tables(self.stack.kafka, [topic])[topic]

    def state(self) -> str:
        """Return the state of the job, for the message of a failure."""
        status = self.target.status(self.spec.name)
        return f"{status.state}, {status.last_failure}"


def create_database(stack: Stack, database: str, *statements: str) -> None:
    """Create a database with the users of a pipeline, and run the statements in it."""
    with connect(stack.mysql_admin) as connection:
        ensure_database(connection, database)
        ensure_users(connection, database, local_stack.mysql_passwords(stack.settings, database))
        connection.commit()
    run_statements(stack, f"USE {database}", *statements)


def run_statements(stack: Stack, *statements: str) -> None:
    """Run the statements in one transaction of an administrator."""
    with connect(stack.mysql_admin) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()


def render(stack: Stack, folder: Path, definition: str) -> tuple[Pipeline, JobSpec]:
    """Write a definition with the script `capture_tables.py` to the folder, and create the topics of its tables."""
    folder.mkdir(exist_ok=True)
    (folder / "pipeline.yaml").write_text(definition)
    shutil.copy(ROOT / "flink_jobs" / "shared" / "capture_tables.py", folder)
    pipeline = load_pipeline(folder)
    cdc = local_stack.mysql_endpoint(stack.settings, "cdc", pipeline.mysql_source.database)
    pipeline = pipeline.with_tables(check_tables_ready(cdc, pipeline.mysql_source).tables)
    ensure_topics(stack.kafka, pipeline.topics)
    return pipeline, render_job(pipeline, "capture", stack.kafka, cdc, local_target(stack.settings).secrets)


@contextmanager
def capture_job(stack: Stack, folder: Path, definition: str) -> Iterator[CaptureJob]:
    """Run the job of a definition, which is written to the folder, until the block ends."""
    pipeline, spec = render(stack, folder, definition)
    target = local_target(stack.settings)
    target.ensure_scripts(spec)
    target.submit(spec)
    try:
        await_health(target, spec)
        yield CaptureJob(stack, pipeline, target, spec)
    finally:
        target.delete(spec.name)
