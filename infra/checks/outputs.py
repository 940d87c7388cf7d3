"""`check_outputs`: compare the result topics with an independent recomputation from the source.

While rows keep changing, the recomputation and the topics never show the same moment. So only settled rows decide: a
row that differs with the same expected value for `settle_seconds` fails the check. It passes as soon as all rows agree.
If only rows that keep changing differ at the deadline, the check is inconclusive and does not fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.checks.compare import Comparison
from infra.checks.database_file import MEMORY_MB
from infra.checks.expected import load_source_table
from infra.checks.rounds import Rounds
from infra.checks.timing import CHECK_TIMEOUT_SECONDS, SETTLE_SECONDS
from infra.checks.topic_database import TopicDatabase
from infra.checks.topic_log import TopicLog
from infra.checks.verdict import verdict
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.kafka.bulk import bulk_reader
from infra.pipeline import Pipeline


@dataclass(frozen=True)
class CheckReport:
    """The result of a check: rows by topic, records read, and seconds until all rows agreed."""

    rows: dict[str, int]
    records: int
    seconds: float

    def __str__(self) -> str:
        topics = ", ".join(f"{topic} {count}" for topic, count in self.rows.items())
        return f"agreed after {self.seconds:.1f} s: {sum(self.rows.values())} rows ({topics})"


def check_outputs(
    pipeline: Pipeline,
    reader: MySqlEndpoint | None,
    kafka: KafkaEndpoint,
    dead_jobs: Callable[[], list[str]],
    situation: Callable[[], str],
    timeout_seconds: float = CHECK_TIMEOUT_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
    work_dir: Path | None = None,
    memory_mb: int = MEMORY_MB,
) -> CheckReport:
    """Wait until every result topic agrees with the recomputation, and return the report.

    `reader` is the source database, None if the source is a topic. `dead_jobs` returns a line for each job that will
    never catch up; `situation` returns lag and state of the jobs for the message. With `work_dir`, the next check goes
    on from the offsets at which this one ends.
    CheckFailedError shows the first differing rows; InconclusiveError if only rows that keep changing differ.
    """
    begun = time.monotonic()
    source = pipeline.source.kafka
    with bulk_reader(kafka) as topics, TopicDatabase(pipeline, work_dir, memory_mb) as database:
        log = TopicLog(database, topics, [*([source.topic] if source else []), *pipeline.checks])
        rounds = Rounds(log, begun, timeout_seconds)
        comparison = Comparison(database)
        is_ahead = reader is not None
        if reader:  # while the jobs still catch up: most tables do not change meanwhile
            rounds.read()
            load_source_table(database, reader, pipeline.mysql_source.table)
            comparison.recompute()
        while True:
            rounds.await_calm(dead_jobs)
            observed = time.monotonic()
            if reader and not is_ahead:
                load_source_table(database, reader, pipeline.mysql_source.table)
            rounds.read()
            differing = comparison.compare(observed)
            now = time.monotonic()
            if not differing.count:
                log.prune()
                return CheckReport(comparison.rows, rounds.records, now - begun)
            if is_ahead:  # the table may have changed since it was read, so a difference proves nothing yet
                is_ahead = False
                continue
            dead = dead_jobs()
            if dead or now - begun >= timeout_seconds:
                settled = comparison.settled(observed, settle_seconds)
                raise verdict(differing, settled, dead, situation(), now - begun)
            rounds.await_change(now - observed, f"{differing.count} rows differ")
