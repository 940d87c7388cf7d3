"""`check_outputs`: compare the result topics with an independent recomputation from the source.

While rows keep changing, the recomputation and the topics never show the same moment. So a row that differs must have
had the value of the snapshot at some time (`DifferingRows`). A row fails the check at the deadline if it has differed
with the same expected value for `settle_seconds`, or if it missed several snapshots. If it is unclear whether a row is
wrong or late, the check is inconclusive, and fails too, because it has proven nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.checks.compare import Comparison
from infra.checks.database_file import MEMORY_MB
from infra.checks.differing import DifferingRows
from infra.checks.expected import load_source
from infra.checks.rounds import Rounds
from infra.checks.timing import CHECK_TIMEOUT_SECONDS, FOLLOW_SECONDS, SETTLE_SECONDS
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
    CheckFailedError shows the first wrong rows; InconclusiveError if rows changed too fast to be judged.
    """
    begun = time.monotonic()
    source = pipeline.source.kafka
    with bulk_reader(kafka) as topics, TopicDatabase(pipeline, work_dir, memory_mb) as database:
        log = TopicLog(database, topics, [*([source.topic] if source else []), *pipeline.checks])
        rounds = Rounds(log, begun, timeout_seconds)
        comparison = Comparison(database)
        rounds.read()
        is_ahead = reader is not None
        if reader:  # while the jobs still catch up
            _take_snapshot(comparison, log, reader)
            comparison.recompute()
        while True:
            rounds.await_calm(dead_jobs)
            if not is_ahead:
                _take_snapshot(comparison, log, reader)
            observed = time.monotonic()
            rounds.read()
            differing = comparison.compare(observed)
            if differing.count:
                _follow(comparison.differing, rounds, observed)
            if comparison.differing.is_proven:
                log.prune()
                return CheckReport(comparison.rows, rounds.records, time.monotonic() - begun)
            now = time.monotonic()
            if is_ahead:  # the table may have changed since it was read, so a difference proves nothing yet
                is_ahead = False
                continue
            dead = dead_jobs()
            if dead or now - begun >= timeout_seconds:
                settled = comparison.differing.settled(observed, settle_seconds)
                never_agreed = comparison.differing.never_agreed(now)
                raise verdict(differing, settled, never_agreed, dead, situation(), now - begun)
            rounds.await_change(now - observed, f"{differing.count} rows differ")


def _take_snapshot(comparison: Comparison, log: TopicLog, reader: MySqlEndpoint | None) -> None:
    """Read the source as it is now; a source topic is read together with the results."""
    comparison.differing.mark(log.ends, time.monotonic())
    if reader:
        load_source(comparison.database, reader)


def _follow(differing: DifferingRows, rounds: Rounds, observed: float) -> None:
    """Read on until all rows have had the value of the snapshot, but hardly longer than the comparison took.

    After that, another snapshot finds more than further waiting.
    """
    compared = time.monotonic()
    until = compared + max(FOLLOW_SECONDS, compared - observed)
    while differing.follow() and rounds.await_growth(until):
        rounds.read()
