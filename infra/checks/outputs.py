"""`check_outputs`: compare the result topics with an independent recomputation from the source.

While rows keep changing, the recomputation and the topics never show the same moment. So only settled rows decide: a
row whose expected value has not changed for `settle_seconds` must agree. The check passes as soon as all rows agree.
If only rows that keep changing differ at the deadline, the check is inconclusive and does not fail.
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
) -> CheckReport:
    """Wait until every result topic agrees with the recomputation, and return the report.

    `reader` is the source database, None if the source is a topic. `dead_jobs` returns a line for each job that will
    never catch up; `situation` returns lag and state of the jobs for the message.
    CheckFailedError shows the first differing rows; InconclusiveError if only rows that keep changing differ.
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
                # Recompute once more: a row may have changed while the topics were read.
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
