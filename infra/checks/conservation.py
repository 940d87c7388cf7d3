"""`check_conservation`: every record of a topic, or each element of it, has exactly one outcome.

The pipeline's SQL says what became of each; this module adds up by partition, and names what has no outcome. While
records keep coming, one of them may be without an outcome for a moment. So a gap is held to the time since which it has
been there without a break: only one that has been there for `settle_seconds` fails the run.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from infra.checks.ledger import Ledger
from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, DefinitionError, InconclusiveError
from infra.kafka.client import consumer
from infra.kafka.quarantine import entries_of
from infra.kafka.reader import RecordReader, TableReader
from infra.pipeline import Conservation, Pipeline

TIMEOUT_SECONDS = 180.0
SETTLE_SECONDS = 15.0
POLL_SECONDS = 0.5
SHOWN_GAPS = 10
_COLUMNS = ("source_partition", "source_offset", "position", "outcome", "gap")


class Element(NamedTuple):
    """Where an element is; a position of None stands for its whole record."""

    partition: int
    offset: int
    position: int | None


@dataclass(frozen=True)
class PartitionAccount:
    """The elements of one partition between two offsets, both included, by outcome."""

    first_offset: int
    last_offset: int
    outcomes: Counter[str]

    def __str__(self) -> str:
        parts = " + ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"offsets {self.first_offset} to {self.last_offset}: {self.outcomes.total()} = {parts}"


@dataclass(frozen=True)
class ConservationReport:
    """The accounts of a topic by partition, and the seconds until there was no gap."""

    topic: str
    accounts: dict[int, PartitionAccount]
    seconds: float

    @property
    def outcomes(self) -> dict[str, int]:
        """Of all partitions together."""
        return dict(sum((account.outcomes for account in self.accounts.values()), Counter[str]()))

    def lines(self) -> list[str]:
        """A sentence for each partition that holds records."""
        return [f"{self.topic}-{partition} {account}" for partition, account in sorted(self.accounts.items())]


def check_conservation(
    pipeline: Pipeline,
    conservation: Conservation,
    kafka: KafkaEndpoint,
    timeout_seconds: float = TIMEOUT_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
) -> ConservationReport:
    """Waits until every element has an outcome, and reports.

    CheckFailedError names the offsets that have none; InconclusiveError when only elements that came just now do not.
    """
    begun = time.monotonic()
    since: dict[Element, float] = {}
    with consumer(kafka) as client, Ledger(pipeline) as ledger:
        records = RecordReader(client, conservation.topic)
        topics = TableReader(client, pipeline.checks, pipeline.quarantine)
        quarantine = RecordReader(client, pipeline.quarantine) if pipeline.quarantine else None
        quarantined: list[dict[str, Any]] = []
        while True:
            ledger.add_records(records.refresh())
            topics.refresh()
            quarantined += entries_of(quarantine.refresh()) if quarantine else []
            ledger.put_quarantine(quarantined)
            for topic, table in topics.tables.items():
                ledger.put_topic(topic, table)
            accounts, gaps = audit(conservation, ledger)
            now = time.monotonic()
            if not gaps:
                return ConservationReport(conservation.topic, accounts, now - begun)
            since = {element: since.get(element, now) for element in gaps}
            if now - begun >= timeout_seconds:
                raise _failure(conservation.topic, gaps, since, now, settle_seconds)
            time.sleep(POLL_SECONDS)


def audit(conservation: Conservation, ledger: Ledger) -> tuple[dict[int, PartitionAccount], dict[Element, str]]:
    """The accounts by partition, and what is wrong with each element that has no outcome."""
    columns, rows = ledger.query(conservation.query)
    if tuple(columns) != _COLUMNS:
        raise DefinitionError(f"{conservation.query}: returns {', '.join(columns)}; allowed are {', '.join(_COLUMNS)}")
    outcomes: dict[int, Counter[str]] = defaultdict(Counter)
    gaps = {}
    seen: dict[int, set[int]] = defaultdict(set)
    for partition, offset, position, outcome, gap in rows:
        seen[partition].add(offset)
        if outcome is None:
            gaps[Element(partition, offset, position)] = str(gap)
        else:
            outcomes[partition][outcome] += 1
    for partition, offset in ledger.offsets():
        if offset not in seen[partition]:
            gaps[Element(partition, offset, None)] = f"is not in what {conservation.query} returns"
    accounts = {
        partition: PartitionAccount(min(offsets), max(offsets), outcomes[partition])
        for partition, offsets in seen.items()
        if offsets
    }
    return accounts, gaps


def _failure(
    topic: str, gaps: dict[Element, str], since: dict[Element, float], now: float, settle_seconds: float
) -> CheckFailedError | InconclusiveError:
    settled = [element for element in gaps if now - since[element] >= settle_seconds]
    if not settled:
        return InconclusiveError(
            f"inconclusive: {topic} kept growing, and the only elements without an outcome ({len(gaps)}) came just "
            "now; check again when there are fewer changes"
        )
    shown = [_described(topic, element, gaps[element]) for element in sorted(settled, key=_order)[:SHOWN_GAPS]]
    more = f"\n  and {len(settled) - len(shown)} more" if len(settled) > len(shown) else ""
    count = "1 element has" if len(settled) == 1 else f"{len(settled)} elements have"
    return CheckFailedError(f"{count} no outcome, so records were lost or counted twice:\n" + "\n".join(shown) + more)


def _described(topic: str, element: Element, gap: str) -> str:
    position = "" if element.position is None else f" position {element.position}"
    return f"  {topic}-{element.partition} offset {element.offset}{position}: {gap}"


def _order(element: Element) -> tuple[int, int, int]:
    return element.partition, element.offset, -1 if element.position is None else element.position
