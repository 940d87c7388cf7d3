"""`make bench`: measure freshness and snapshot rate on a separate local stack, and print the figures of the README.

Absolute figures depend on the machine; the ratio to the connector's defaults comes from one run. It takes some minutes.
Run it on an idle machine.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.kafka.client import consumer
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import Connection, connect
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import seed_table
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT, Settings, load_settings
from infra.stacks.local import stack as local_stack
from infra.stacks.local.private import private_environment
from infra.targets.local import local_target
from infra.waiting import wait_until

DATABASE = "olympics"
WARM_UP, CHANGES, PAUSE_SECONDS = 200, 600, 0.05
SNAPSHOT_ROWS, DEFAULT_ROWS = 1_000_000, 100_000
TUNED_OPTIONS = ("'debezium.", "'scan.", "'properties.linger", "'properties.batch", "'properties.compression")


def main() -> None:
    """Start a separate local stack, measure, print the figures, and delete the stack."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _stack(Path(folder)) as settings:
        pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
        _prepare(settings, pipeline, pipeline.path(pipeline.mysql_source.data))
        _freshness(settings, pipeline)
        _snapshot(settings, pipeline, Path(folder))


@contextmanager
def _stack(folder: Path) -> Iterator[Settings]:
    settings = load_settings(private_environment(folder / "data"))
    try:
        local_stack.up(settings)
        yield settings
    finally:
        local_stack.clean(settings)


def _prepare(settings: Settings, pipeline: Pipeline, data: Path) -> None:
    with connect(local_stack.mysql_admin(settings)) as admin:
        ensure_database(admin, DATABASE)
        ensure_users(admin, DATABASE, local_stack.mysql_passwords(settings, DATABASE))
    ensure_topics(local_stack.kafka_endpoint(settings), pipeline.topics)
    source, owner = pipeline.mysql_source, local_stack.mysql_endpoint(settings, "owner", DATABASE)
    ensure_schema(owner, pipeline.path(source.schema_file), source.table)
    print(seed_table(owner, source.table, data, settings.data_dir / "rejects.csv"), flush=True)


def _freshness(settings: Settings, pipeline: Pipeline) -> None:
    """Measure the time from a commit in the database to the changed top three in the topic, one change at a time."""
    for job in pipeline.jobs:
        _start(settings, _render(settings, pipeline, job))
    topic = TopicPartition(f"{pipeline.name}.top_athletes", 0)
    milliseconds = []
    with (
        connect(local_stack.mysql_endpoint(settings, "owner", DATABASE)) as connection,
        consumer(local_stack.kafka_endpoint(settings), fetch_max_wait_ms=5) as client,
    ):
        client.assign([topic])
        client.seek_to_end(topic)
        client.position(topic)
        for score in range(1000, 1000 + WARM_UP + CHANGES):
            milliseconds.append(_one_change(connection, client, score))
            time.sleep(PAUSE_SECONDS)  # measure under low load
    milliseconds = sorted(milliseconds[WARM_UP:])
    p50, p99 = (milliseconds[int(len(milliseconds) * share)] for share in (0.5, 0.99))
    changes = f"{CHANGES} single changes after {WARM_UP}"
    print(f"freshness, commit to top three, {changes}: p50 {p50:.0f} ms, p99 {p99:.0f} ms", flush=True)


def _one_change(connection: Connection, client: KafkaConsumer, score: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE players SET score = %s WHERE id = 1", [score])
    connection.commit()
    committed = time.perf_counter()
    while True:
        for records in client.poll(timeout_ms=1000).values():
            if any(record.value and json.loads(record.value)["score"] == score for record in records):
                return (time.perf_counter() - committed) * 1000


def _snapshot(settings: Settings, pipeline: Pipeline, folder: Path) -> None:
    """Measure the snapshot of a large table with the connector's defaults and with the pipeline's settings."""
    target = local_target(settings)
    for job in pipeline.jobs:
        target.stop(f"{pipeline.name}.{job}", savepoint=False)
    data = folder / "large.csv"
    with data.open("w", encoding="utf-8") as file:
        file.write("name,nationality,score\n")
        file.writelines(f"Athlete {n % 700_000},Nation {n % 200},{n % 1000}\n" for n in range(SNAPSHOT_ROWS))
    _prepare(settings, pipeline, data)
    tuned = _render(settings, pipeline, "players_cdc")
    default = _snapshot_rate(settings, pipeline, _with_defaults(tuned), DEFAULT_ROWS)
    print(f"snapshot, the connector's defaults: {default:,.0f} rows/s (first {DEFAULT_ROWS:,} rows)", flush=True)
    rate = _snapshot_rate(settings, pipeline, tuned, SNAPSHOT_ROWS)
    print(f"snapshot, this pipeline: {rate:,.0f} rows/s ({SNAPSHOT_ROWS:,} rows)", flush=True)
    print(f"snapshot, ratio: {rate / default:.1f}", flush=True)


def _snapshot_rate(settings: Settings, pipeline: Pipeline, job: JobSpec, rows: int) -> float:
    """Return the rows per second from the first record in the topic to the last of `rows`."""
    kafka, target = local_stack.kafka_endpoint(settings), local_target(settings)
    topic = next(iter(pipeline.jobs["players_cdc"].writes))
    with consumer(kafka) as client:
        partitions = [TopicPartition(topic, number) for number in range(pipeline.topics[topic].partitions)]

        def written() -> int:
            return sum(client.end_offsets(partitions).values())

        before = written()
        ensure_started_from_scratch(target, job)
        wait_until(lambda: written() > before, "the first row", 120, poll_seconds=0.02)
        first, begun = written(), time.perf_counter()
        wait_until(lambda: written() >= before + rows, f"{rows} rows in {topic}", 900, poll_seconds=0.05)
        rate = (written() - first) / (time.perf_counter() - begun)
    target.stop(job.name, savepoint=False)
    return rate


def _render(settings: Settings, pipeline: Pipeline, job: str) -> JobSpec:
    return render_job(
        pipeline, job, local_stack.kafka_endpoint(settings), local_stack.mysql_endpoint(settings, "cdc", DATABASE)
    )


def _with_defaults(job: JobSpec) -> JobSpec:
    """Return the job without its tuned options."""
    files = {
        name: "\n".join(
            line for line in content.decode().splitlines() if not line.strip().startswith(TUNED_OPTIONS)
        ).encode()
        for name, content in job.files.items()
    }
    return replace(job, files=files, configuration={}, parallelism=1)


def _start(settings: Settings, job: JobSpec) -> None:
    target = local_target(settings)
    ensure_started_from_scratch(target, job)
    wait_until(
        lambda: missing_for_health(job.name, job.revision, target.status(job.name)) is None,
        f"{job.name} to be healthy",
        180,
    )
    print(f"{job.name}: healthy", flush=True)
