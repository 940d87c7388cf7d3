"""Captured tables: one and many, with the same rows in all, each on a stack of its own.

With one table, the snapshot is compared with a hand-written Python program that reads the table by SELECT and writes
its rows to a topic, from its start to the last acknowledged record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psutil
from confluent_kafka import Producer
from MySQLdb.cursors import SSCursor

from infra.bench.memory import MemoryWatch
from infra.bench.sizes import Sizes
from infra.bench.stack import private_stack, say
from infra.bench.statistics import Percentiles, percentiles
from infra.checks.outputs import check_outputs
from infra.errors import UnreachableError, WaitTimeoutError
from infra.jobs.health import missing_for_health
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import connect, fetch_rows
from infra.mysql.preflight_tables import check_tables_ready
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT, Settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.waiting import wait_until

DATABASE = "many"
DEFINITION = f"""\
name: {DATABASE}
description: Tables of twenty columns
source:
  mysql:
    database: {DATABASE}
    tables: ["t*"]
    topics: {{prefix: {DATABASE}., partitions: 2}}
    server_ids: 5450-5459
jobs:
  capture: {{script: ../capture_tables.py, uses: [kafka, mysql], parallelism: 2}}
"""
# Expressions of the row's number `n`, by column: what tables of applications have.
COLUMNS = {
    "id": ("BIGINT PRIMARY KEY", "n"),
    "customer": ("INT NOT NULL", "n * 7919 % 100003"),
    "quantity": ("SMALLINT UNSIGNED", "n % 50"),
    "price": ("DECIMAL(12, 2)", "n % 100000 / 100"),
    "discount": ("DECIMAL(5, 4)", "n % 10000 / 10000"),
    "weight": ("DOUBLE", "n / 7"),
    "paid": ("BOOL", "n % 2"),
    "state": ("ENUM('new', 'sent', 'done')", "n % 3 + 1"),
    "name": ("VARCHAR(80)", "CONCAT('Article ', n)"),
    "street": ("VARCHAR(80)", "CONCAT('Street ', n % 5003, ', ', n % 97)"),
    "city": ("VARCHAR(40)", "CONCAT('City ', n % 811)"),
    "country": ("CHAR(2)", "IF(n % 2, 'DE', 'FR')"),
    "email": ("VARCHAR(80)", "CONCAT('customer', n, '@example.com')"),
    "note": ("TEXT", "IF(n % 3, NULL, REPEAT('x', n % 60))"),
    "created": ("DATETIME", "'2026-01-01' + INTERVAL n % 5000000 SECOND"),
    "changed": ("DATETIME(3)", "'2026-01-01 00:00:00.125' + INTERVAL n % 5000000 SECOND"),
    "due": ("DATE", "'2026-01-01' + INTERVAL n % 1000 DAY"),
    "code": ("BINARY(8)", "LPAD(n % 10000000, 8, '0')"),
    "stock": ("INT", "-n % 1000"),
    "version": ("INT NOT NULL", "0"),
}
NUMBERS = 1000
SNAPSHOT_SECONDS, HEALTHY_SECONDS, PROBE_SECONDS, CHECK_SECONDS = 1800, 300, 60, 1800
PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Captured:
    """What was measured with a number of tables; `rows` are those of all tables, times in seconds.

    `snapshot` is the time from the submission of the job until all rows are on the topics, and `rate` the rows per
    second from the first to the last. `connections` are those of the job's user while it streams. `by_hand` is only
    measured with one table.
    """

    tables: int
    rows: int
    snapshot: float
    rate: float
    by_hand: float | None
    check: float
    freshness: Percentiles
    taskmanager_mb: int
    connections: int


def measure_captured(tables: int, rows: int, sizes: Sizes, scratch: Path) -> Captured:
    """Measure on a stack of its own; CheckFailedError if a topic does not equal its table."""
    folder = scratch / f"captured-{tables}-{rows}"
    folder.mkdir()
    with private_stack(folder, changed=sizes.stack) as settings:
        _create_tables(settings, tables, rows // tables)
        pipeline = _pipeline(settings, folder)
        by_hand = _by_hand(settings, pipeline) if tables == 1 else None
        with MemoryWatch(lambda: {"taskmanager": _taskmanager(settings)}) as memory:
            snapshot, rate = _snapshot(settings, pipeline, rows)
        begun = time.monotonic()
        check_outputs(
            pipeline, local_stack.mysql_endpoint(settings, "reader", DATABASE), local_stack.kafka_endpoint(settings),
            list, str, CHECK_SECONDS,
        )  # fmt: skip
        check = time.monotonic() - begun
        freshness = _freshness(settings, pipeline, sizes)
        connections = _connections(settings)
        local_target(settings).delete(f"{DATABASE}.capture")
    found = Captured(
        tables, rows, snapshot, rate, by_hand, check, freshness, memory.peak_mb.get("taskmanager", 0), connections
    )
    say(f"captured: {found}")
    return found


def _create_tables(settings: Settings, tables: int, rows: int) -> None:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    values = ", ".join(expression for _, expression in COLUMNS.values())
    # Three digits of a row's number each, so that a table can have a thousand million rows.
    number = f"a.n + {NUMBERS} * b.n + {NUMBERS * NUMBERS} * c.n + 1"
    parts = f"numbers AS a JOIN numbers AS b ON b.n < {-(-rows // NUMBERS)} JOIN numbers AS c ON c.n < "
    source = f"{parts}{-(-rows // NUMBERS**2)}"
    with connect(local_stack.mysql_admin(settings)) as admin:
        ensure_database(admin, DATABASE)
        ensure_users(admin, DATABASE, local_stack.mysql_passwords(settings, DATABASE))
        with admin.cursor() as cursor:
            cursor.execute(f"USE {DATABASE}")
            cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
            cursor.executemany("INSERT INTO numbers VALUES (%s)", [(n,) for n in range(NUMBERS)])
            for table in range(tables):
                cursor.execute(f"CREATE TABLE t{table:03d} ({columns})")
                cursor.execute(
                    f"INSERT INTO t{table:03d} SELECT {values} FROM (SELECT {number} AS n FROM {source}) AS rows_of "  # noqa: S608
                    f"WHERE n <= {rows}"
                )
                admin.commit()


def _pipeline(settings: Settings, folder: Path) -> Pipeline:
    pipelines = folder / "pipelines"
    (pipelines / DATABASE).mkdir(parents=True)
    script = ROOT / "flink_jobs" / "shared" / "capture_tables.py"
    (pipelines / script.name).write_bytes(script.read_bytes())
    (pipelines / DATABASE / "pipeline.yaml").write_text(DEFINITION)
    pipeline = load_pipeline(pipelines / DATABASE)
    cdc = local_stack.mysql_endpoint(settings, "cdc", DATABASE)
    found = pipeline.with_tables(check_tables_ready(cdc, pipeline.mysql_source).tables)
    ensure_topics(local_stack.kafka_endpoint(settings), found.topics)
    return found


def _by_hand(settings: Settings, pipeline: Pipeline) -> float:
    """Read a table by SELECT and write each row as JSON to a topic, as a script of thirty lines does."""
    kafka = local_stack.kafka_endpoint(settings)
    topic = f"{DATABASE}.by_hand"
    ensure_topics(kafka, {topic: next(iter(pipeline.topics.values()))})
    options = {"bootstrap.servers": kafka.bootstrap_servers, "compression.type": "lz4", "linger.ms": 5}
    producer = Producer({**options, "queue.buffering.max.messages": 500_000})
    begun = time.monotonic()
    with connect(local_stack.mysql_endpoint(settings, "reader", DATABASE)) as connection:
        for row in _rows(connection.cursor(SSCursor)):
            value = json.dumps(row, default=_as_json).encode()
            while True:
                try:
                    producer.produce(topic, key=json.dumps({"id": row["id"]}).encode(), value=value)
                    break
                except BufferError:
                    producer.poll(0.05)
    if producer.flush(SNAPSHOT_SECONDS):
        raise UnreachableError(f"{topic}: the broker did not acknowledge all records. Check its log.")
    return time.monotonic() - begun


def _rows(cursor: SSCursor) -> Iterator[dict[str, object]]:
    cursor.execute("SELECT * FROM t000")
    names = list(COLUMNS)
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _as_json(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _snapshot(settings: Settings, pipeline: Pipeline, rows: int) -> tuple[float, float]:
    """Start the job, and return `snapshot` and `rate` of `Captured`."""
    kafka, target = local_stack.kafka_endpoint(settings), local_target(settings)
    mysql = local_stack.mysql_endpoint(settings, "cdc", DATABASE)
    job = render_job(pipeline, "capture", kafka, mysql, target.secrets)
    target.ensure_scripts(job)
    with consumer(kafka) as client:
        partitions = [partition for topic in pipeline.checks for partition in partitions_of(client, topic)]

        def written() -> int:
            return sum(client.end_offsets(partitions).values())

        begun = time.monotonic()
        ensure_started_from_scratch(target, job)
        wait_until(lambda: written() > 0, "the first row", SNAPSHOT_SECONDS, 0.05)
        first, first_at = written(), time.monotonic()
        wait_until(
            lambda: written() >= rows,
            f"{rows:,} rows on the topics",
            SNAPSHOT_SECONDS,
            0.1,
        )
        ended = time.monotonic()
    wait_until(
        lambda: missing_for_health(job.name, job.revision, target.status(job.name)) is None,
        f"{job.name} to be healthy",
        HEALTHY_SECONDS,
    )
    return ended - begun, (rows - first) / (ended - first_at)


def _freshness(settings: Settings, pipeline: Pipeline, sizes: Sizes) -> Percentiles:
    """Change a row of each table in turn, and measure from the commit to its record on the topic."""
    tables = [table.name for table in pipeline.captured]
    milliseconds: list[float] = []
    with (
        connect(local_stack.mysql_endpoint(settings, "owner", DATABASE)) as connection,
        consumer(local_stack.kafka_endpoint(settings), fetch_max_wait_ms=5) as client,
    ):
        client.assign([partition for topic in pipeline.checks for partition in partitions_of(client, topic)])
        client.seek_to_end()
        for partition in client.assignment():
            client.position(partition)
        for number in range(1, sizes.warm_up + sizes.changes + 1):
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {tables[number % len(tables)]} SET version = %s WHERE id = 1", [number])  # noqa: S608
            connection.commit()
            committed = time.perf_counter()
            while not any(
                record.value and json.loads(record.value)["version"] == number
                for records in client.poll(timeout_ms=1000).values()
                for record in records
            ):
                if time.perf_counter() - committed > PROBE_SECONDS:
                    raise WaitTimeoutError(f"waited {PROBE_SECONDS} s for change {number}. Check the job.")
            milliseconds.append((time.perf_counter() - committed) * 1000)
            time.sleep(PAUSE_SECONDS)  # one change at a time, at low load
    return percentiles(milliseconds[sizes.warm_up :])


def _connections(settings: Settings) -> int:
    user = local_stack.mysql_endpoint(settings, "cdc", DATABASE).user
    with connect(local_stack.mysql_admin(settings)) as admin:
        found = fetch_rows(admin, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = %s", [user])
    return int(found[0][0])


def _taskmanager(settings: Settings) -> list[psutil.Process]:
    services = {service.name: service.pid for service in local_stack.status(settings)}
    pid = services.get("flink-taskmanager")
    if not pid or not psutil.pid_exists(pid):
        return []
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
