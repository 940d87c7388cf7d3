"""Freshness: the time from a commit in the database to the changed top three in the topic, one probe at a time.

At low load with the pipeline's settings and with the connector's defaults, and while a second connection changes
1,000 rows per second.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from infra.bench.sizes import Sizes
from infra.bench.stack import DATABASE, prepare, render, say, start, stop, with_defaults, write_data_file
from infra.bench.statistics import Percentiles, percentiles
from infra.bench.tables import await_quiet, verify_table
from infra.errors import UnreachableError, WaitTimeoutError
from infra.kafka.client import consumer
from infra.mysql.connection import Connection, connect
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack

PAUSE_SECONDS = 0.05
PROBE_SECONDS = 60
LOAD_PER_SECOND, LOAD_BATCH = 1_000, 10
SNAPSHOT_SECONDS = 1_200
# Higher than every score of the data, so that each probe changes the top three.
FIRST_SCORE = 1_000_000


@dataclass(frozen=True)
class Freshness:
    """All percentiles; `load_rows` is the number of rows of state under load, `load_rate` the changes per second."""

    tuned: Percentiles
    defaults: Percentiles
    load: Percentiles
    load_rows: int
    load_rate: float


def measure_freshness(settings: Settings, pipeline: Pipeline, sizes: Sizes, scratch: Path) -> Freshness:
    """Measure on a running stack, and stop the jobs again; CheckFailedError if results under load are wrong."""
    jobs = [f"{pipeline.name}.{job}" for job in pipeline.jobs]
    prepare(settings, pipeline, pipeline.path(pipeline.mysql_source.data))
    start(settings, pipeline, render(settings, pipeline, "players_cdc"))
    start(settings, pipeline, render(settings, pipeline, "analytics"))
    tuned = _probe(settings, pipeline, sizes.warm_up, sizes.changes, sizes.probe_seconds)
    say(f"freshness at low load: {tuned}")
    stop(settings, f"{pipeline.name}.players_cdc")
    start(settings, pipeline, with_defaults(render(settings, pipeline, "players_cdc")))
    defaults = _probe(settings, pipeline, sizes.warm_up, sizes.default_changes, sizes.probe_seconds)
    say(f"freshness with the connector's defaults: {defaults}")
    stop(settings, *jobs)
    data = scratch / "load.csv"
    write_data_file(data, sizes.load_rows)
    prepare(settings, pipeline, data)
    start(settings, pipeline, render(settings, pipeline, "players_cdc"))
    start(settings, pipeline, render(settings, pipeline, "analytics"))
    await_quiet(settings, pipeline, SNAPSHOT_SECONDS)
    with _load(settings, sizes.load_rows) as changed:
        load = _probe(settings, pipeline, sizes.warm_up, sizes.load_probes, sizes.probe_seconds)
        rate = changed()
    say(f"freshness at {rate:,.0f} changes/s with {sizes.load_rows:,} rows: {load}")
    await_quiet(settings, pipeline, SNAPSHOT_SECONDS)
    verify_table(settings, pipeline, scratch / "load")
    stop(settings, *jobs)
    return Freshness(tuned, defaults, load, sizes.load_rows, rate)


def _probe(settings: Settings, pipeline: Pipeline, warm_up: int, changes: int, seconds: float) -> Percentiles:
    """Measure changes after a warm-up, as many as fit into the time; slow ones must not make the benchmark endless."""
    topic = TopicPartition(f"{pipeline.name}.top_athletes", 0)
    milliseconds = []
    with (
        connect(local_stack.mysql_endpoint(settings, "owner", DATABASE)) as connection,
        consumer(local_stack.kafka_endpoint(settings), fetch_max_wait_ms=5) as client,
    ):
        client.assign([topic])
        client.seek_to_end(topic)
        client.position(topic)
        with connection.cursor() as cursor:
            cursor.execute("SELECT MAX(score) FROM players")
            [(highest,)] = cursor.fetchall()
        connection.commit()
        first = max(FIRST_SCORE, highest + 1)
        deadline = time.monotonic() + seconds
        for score in range(first, first + warm_up + changes):
            milliseconds.append(_one_change(connection, client, score))
            if time.monotonic() >= deadline:
                break
            time.sleep(PAUSE_SECONDS)  # one change at a time, at low load
    return percentiles(milliseconds[warm_up:] or milliseconds)


def _one_change(connection: Connection, client: KafkaConsumer, score: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE players SET score = %s WHERE id = 1", [score])
    connection.commit()
    committed = time.perf_counter()
    while time.perf_counter() - committed < PROBE_SECONDS:
        for records in client.poll(timeout_ms=1000).values():
            if any(record.value and json.loads(record.value)["score"] == score for record in records):
                return (time.perf_counter() - committed) * 1000
    raise WaitTimeoutError(f"waited {PROBE_SECONDS} s for the score {score} in the top three. Check the jobs.")


class _Load(threading.Thread):
    """A connection that changes the scores of random rows but the probed one, at a steady rate."""

    def __init__(self, settings: Settings, rows: int) -> None:
        super().__init__(name="load", daemon=True)
        self._owner = local_stack.mysql_endpoint(settings, "owner", DATABASE)
        self._rows = rows
        self._ended = threading.Event()
        self._begun = time.monotonic()
        self.changed = 0
        self.error: Exception | None = None

    def run(self) -> None:
        chooser = random.Random(11)  # noqa: S311, test data
        pause = LOAD_BATCH / LOAD_PER_SECOND
        self._begun = due = time.monotonic()
        try:
            with connect(self._owner) as connection:
                while not self._ended.wait(max(due - time.monotonic(), 0)):
                    due += pause
                    rows = [(chooser.randrange(1000), chooser.randint(2, self._rows)) for _ in range(LOAD_BATCH)]
                    with connection.cursor() as cursor:
                        cursor.executemany("UPDATE players SET score = %s WHERE id = %s", rows)
                    connection.commit()
                    self.changed += LOAD_BATCH
        except Exception as error:  # noqa: BLE001, raised by `stop` in the thread that measures
            self.error = error

    def rate(self) -> float:
        """Return the changes per second until now."""
        return self.changed / (time.monotonic() - self._begun)

    def stop(self) -> None:
        """End the load; UnreachableError if it has failed before."""
        self._ended.set()
        self.join()
        if self.error:
            raise UnreachableError(f"load: the database rejected a change: {self.error}") from self.error


@contextmanager
def _load(settings: Settings, rows: int) -> Iterator[Callable[[], float]]:
    load = _Load(settings, rows)
    load.start()
    try:
        yield load.rate
    finally:
        load.stop()
