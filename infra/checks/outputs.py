"""`check_outputs`: do the result topics hold what the source of truth says?

While rows keep changing, the recomputation and the topics are never of one moment. So each row is held to the time
since which its expected value has stood still: one that has stood still longer than `settle_seconds` must agree, one
that has not proves nothing. Agreement of all rows passes at any time; when only moving rows differ at the deadline, the
check says that it is inconclusive instead of failing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.checks.compare import Difference, compare, found_table
from infra.checks.expected import Table, recomputed
from infra.checks.timing import CHECK_TIMEOUT_SECONDS, POLL_SECONDS, SETTLE_SECONDS
from infra.checks.verdict import Stability, verdict
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.kafka.client import consumer
from infra.kafka.reader import TableReader
from infra.pipeline import Pipeline


@dataclass(frozen=True)
class CheckReport:
    """What was compared: rows by topic, records read, and seconds until all agreed."""

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
) -> CheckReport:
    """Waits until every result topic agrees with the recomputation, and reports.

    `reader` is the database where that is the source. `dead_jobs` says which jobs will never catch up, `situation` the
    lag and the state of the jobs, for the message.
    CheckFailedError shows the first differing rows; InconclusiveError when only rows that keep changing differ.
    """
    begun = time.monotonic()
    stability = Stability()
    records = 0
    with consumer(kafka) as client, recomputed(pipeline, reader, kafka) as recompute:
        topics = TableReader(client, pipeline.checks, pipeline.quarantine)
        while True:
            stability.observe(recompute(), time.monotonic())
            records += topics.refresh()
            differences = _differences(pipeline, stability.values, topics)
            now = time.monotonic()
            if not differences:
                rows = {topic: len(table) for topic, table in stability.values.items()}
                return CheckReport(rows, records, now - begun)
            dead = dead_jobs()
            if dead or now - begun >= timeout_seconds:
                # A last look at the source: a row may have changed while the topics were read.
                stability.observe(recompute(), now)
                settled = [d for d in differences if stability.settled(d, begun, now, settle_seconds)]
                raise verdict(differences, settled, dead, situation(), now - begun)
            time.sleep(POLL_SECONDS)


def _differences(pipeline: Pipeline, expected: dict[str, Table], topics: TableReader) -> list[Difference]:
    return [
        difference
        for topic, check in pipeline.checks.items()
        for difference in compare(topic, expected[topic], found_table(topic, topics.values(topic), check.key))
    ]
