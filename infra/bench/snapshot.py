"""Snapshot rate: rows per second from the table to the topic, with the connector's defaults and with our settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from kafka import TopicPartition

from infra.bench.sizes import Sizes
from infra.bench.stack import prepare, render, say, with_defaults, write_data_file
from infra.bench.verify import fold_topic
from infra.errors import CheckFailedError
from infra.jobs.job import JobSpec
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.kafka.client import consumer
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.waiting import wait_until

FIRST_SECONDS, SNAPSHOT_SECONDS = 120, 900


@dataclass(frozen=True)
class Snapshot:
    """Rows per second with the connector's defaults and with the pipeline's settings."""

    defaults: float
    tuned: float
    rows: int


def measure_snapshot(settings: Settings, pipeline: Pipeline, sizes: Sizes, scratch: Path) -> Snapshot:
    """Measure on a running stack without jobs; CheckFailedError if the topic does not have every row."""
    data = scratch / "snapshot.csv"
    write_data_file(data, sizes.snapshot_rows)
    prepare(settings, pipeline, data)
    tuned = render(settings, pipeline, "players_cdc")
    default_rate = _rate(settings, pipeline, with_defaults(tuned), sizes.default_snapshot_rows)
    say(f"snapshot, the connector's defaults: {default_rate:,.0f} rows/s ({sizes.default_snapshot_rows:,} rows)")
    rate = _rate(settings, pipeline, tuned, sizes.snapshot_rows)
    say(f"snapshot, this pipeline: {rate:,.0f} rows/s ({sizes.snapshot_rows:,} rows)")
    topic = next(iter(pipeline.jobs["players_cdc"].writes))
    servers = local_stack.kafka_endpoint(settings).bootstrap_servers
    found = len(fold_topic(servers, topic, pipeline.topics[topic].partitions).values)
    if found != sizes.snapshot_rows:
        raise CheckFailedError(f"topic {topic}: {found:,} rows after the snapshot. Expected {sizes.snapshot_rows:,}.")
    return Snapshot(default_rate, rate, sizes.snapshot_rows)


def _rate(settings: Settings, pipeline: Pipeline, job: JobSpec, rows: int) -> float:
    """Return the rows per second from the first record in the topic to the last of `rows`."""
    kafka, target = local_stack.kafka_endpoint(settings), local_target(settings)
    topic = next(iter(pipeline.jobs["players_cdc"].writes))
    with consumer(kafka) as client:
        partitions = [TopicPartition(topic, number) for number in range(pipeline.topics[topic].partitions)]

        def written() -> int:
            return sum(client.end_offsets(partitions).values())

        before = written()
        ensure_started_from_scratch(target, job)
        wait_until(lambda: written() > before, "the first row", FIRST_SECONDS, poll_seconds=0.02)
        first, begun = written(), time.perf_counter()
        wait_until(lambda: written() >= before + rows, f"{rows} rows in {topic}", SNAPSHOT_SECONDS, poll_seconds=0.05)
        rate = (written() - first) / (time.perf_counter() - begun)
    target.delete(job.name)
    return rate
