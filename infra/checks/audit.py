"""`audit_records`: every record of a topic, or each element of it, has exactly one disposition.

The pipeline's SQL returns the disposition of each; this module adds them up by partition and names the unaccounted
ones. While records keep arriving, one of them can be unaccounted for a moment. Only an element that has been
unaccounted for `settle_seconds` without a break fails the run."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from infra.checks.timing import CHECK_TIMEOUT_SECONDS, POLL_SECONDS, SETTLE_SECONDS
from infra.checks.topic_database import TopicDatabase
from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, DefinitionError, InconclusiveError
from infra.kafka.client import consumer
from infra.kafka.quarantine import entries_of
from infra.kafka.reader import RecordReader, TableReader
from infra.pipeline import Audit, Pipeline

SHOWN_ELEMENTS = 10
_COLUMNS = ("source_partition", "source_offset", "position", "disposition", "problem")


class Element(NamedTuple):
    """Where an element is; a position of None stands for its whole record."""

    partition: int
    offset: int
    position: int | None


@dataclass(frozen=True)
class PartitionAccount:
    """The elements of one partition between two offsets, both included, by disposition."""

    first_offset: int
    last_offset: int
    dispositions: Counter[str]

    def __str__(self) -> str:
        parts = " + ".join(f"{count} {disposition}" for disposition, count in sorted(self.dispositions.items()))
        return f"offsets {self.first_offset} to {self.last_offset}: {self.dispositions.total()} = {parts}"


@dataclass(frozen=True)
class AuditReport:
    """The accounts of a topic by partition, and the seconds until there was no gap."""

    topic: str
    accounts: dict[int, PartitionAccount]
    seconds: float

    @property
    def dispositions(self) -> dict[str, int]:
        """Of all partitions together."""
        return dict(sum((account.dispositions for account in self.accounts.values()), Counter[str]()))

    def lines(self) -> list[str]:
        """A sentence for each partition that holds records."""
        return [f"{self.topic}-{partition} {account}" for partition, account in sorted(self.accounts.items())]


def audit_records(
    pipeline: Pipeline,
    audit: Audit,
    kafka: KafkaEndpoint,
    timeout_seconds: float = CHECK_TIMEOUT_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
) -> AuditReport:
    """Waits until every element has a disposition, and reports.

    CheckFailedError names the offsets that have none; InconclusiveError when only elements that came just now do not.
    """
    begun = time.monotonic()
    since: dict[Element, float] = {}
    with consumer(kafka) as client, TopicDatabase(pipeline) as database:
        records = RecordReader(client, audit.topic)
        topics = TableReader(client, pipeline.checks, pipeline.quarantine)
        quarantine = RecordReader(client, pipeline.quarantine) if pipeline.quarantine else None
        quarantined: list[dict[str, Any]] = []
        while True:
            database.add_records(records.refresh())
            topics.refresh()
            quarantined += entries_of(quarantine.refresh()) if quarantine else []
            database.put_quarantine(quarantined)
            for topic, table in topics.tables.items():
                database.put_topic(topic, table)
            accounts, unaccounted = account_for(audit, database)
            now = time.monotonic()
            if not unaccounted:
                return AuditReport(audit.topic, accounts, now - begun)
            since = {element: since.get(element, now) for element in unaccounted}
            if now - begun >= timeout_seconds:
                raise _failure(audit.topic, unaccounted, since, now, settle_seconds)
            time.sleep(POLL_SECONDS)


def account_for(audit: Audit, database: TopicDatabase) -> tuple[dict[int, PartitionAccount], dict[Element, str]]:
    """The accounts by partition, and what is wrong with each element that has no disposition."""
    columns, rows = database.query(audit.query)
    if tuple(columns) != _COLUMNS:
        raise DefinitionError(f"{audit.query}: returns {', '.join(columns)}; allowed are {', '.join(_COLUMNS)}")
    dispositions: dict[int, Counter[str]] = defaultdict(Counter)
    unaccounted = {}
    seen: dict[int, set[int]] = defaultdict(set)
    for partition, offset, position, disposition, problem in rows:
        seen[partition].add(offset)
        if disposition is None:
            unaccounted[Element(partition, offset, position)] = str(problem)
        else:
            dispositions[partition][disposition] += 1
    for partition, offset in database.offsets():
        if offset not in seen[partition]:
            unaccounted[Element(partition, offset, None)] = f"is not in what {audit.query} returns"
    accounts = {
        partition: PartitionAccount(min(offsets), max(offsets), dispositions[partition])
        for partition, offsets in seen.items()
        if offsets
    }
    return accounts, unaccounted


def _failure(
    topic: str, unaccounted: dict[Element, str], since: dict[Element, float], now: float, settle_seconds: float
) -> CheckFailedError | InconclusiveError:
    settled = [element for element in unaccounted if now - since[element] >= settle_seconds]
    if not settled:
        return InconclusiveError(
            f"inconclusive: {topic} kept growing, and the only unaccounted elements ({len(unaccounted)}) have just "
            "arrived. Check again when there are fewer changes."
        )
    shown = [
        _described(topic, element, unaccounted[element]) for element in sorted(settled, key=_order)[:SHOWN_ELEMENTS]
    ]
    more = f"\n  and {len(settled) - len(shown)} more" if len(settled) > len(shown) else ""
    count = "1 element has" if len(settled) == 1 else f"{len(settled)} elements have"
    return CheckFailedError(
        f"{count} no disposition, so records were lost or counted twice:\n" + "\n".join(shown) + more
    )


def _described(topic: str, element: Element, problem: str) -> str:
    position = "" if element.position is None else f" position {element.position}"
    return f"  {topic}-{element.partition} offset {element.offset}{position}: {problem}"


def _order(element: Element) -> tuple[int, int, int]:
    return element.partition, element.offset, -1 if element.position is None else element.position
