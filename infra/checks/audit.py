"""`audit_records`: every record of a topic, or each element of it, has exactly one disposition.

The pipeline's SQL returns the disposition of each. This module counts them by partition and names the unaccounted
ones. While records keep arriving, some are unaccounted for a moment; only an element that has stayed unaccounted for
`settle_seconds` fails the run.
"""

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
from infra.kafka.quarantine import quarantined_rows
from infra.kafka.reader import RecordReader, TableReader
from infra.pipeline import Audit, Pipeline

SHOWN_ELEMENTS = 10
_COLUMNS = ("source_partition", "source_offset", "position", "disposition", "explanation")


class Element(NamedTuple):
    """The position of an element in the topic; a `position` of None stands for its whole record."""

    partition: int
    offset: int
    position: int | None


@dataclass(frozen=True)
class PartitionAccount:
    """Numbers of elements by disposition, in one partition between two offsets, both inclusive."""

    first_offset: int
    last_offset: int
    dispositions: Counter[str]

    def __str__(self) -> str:
        parts = " + ".join(f"{count} {disposition}" for disposition, count in sorted(self.dispositions.items()))
        return f"offsets {self.first_offset} to {self.last_offset}: {self.dispositions.total()} = {parts}"


@dataclass(frozen=True)
class AuditReport:
    """The accounts of a topic by partition, and the seconds until no record was unaccounted."""

    topic: str
    accounts: dict[int, PartitionAccount]
    seconds: float

    @property
    def dispositions(self) -> dict[str, int]:
        """Numbers of elements by disposition, in all partitions together."""
        return dict(sum((account.dispositions for account in self.accounts.values()), Counter[str]()))

    def lines(self) -> list[str]:
        """Return a line for each partition that contains records."""
        return [f"{self.topic}-{partition} {account}" for partition, account in sorted(self.accounts.items())]


def audit_records(
    pipeline: Pipeline,
    audit: Audit,
    kafka: KafkaEndpoint,
    timeout_seconds: float = CHECK_TIMEOUT_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
) -> AuditReport:
    """Wait until every element has a disposition, and return the report.

    CheckFailedError names the unaccounted elements; InconclusiveError if all of them have just arrived.
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
            quarantined += quarantined_rows(quarantine.refresh()) if quarantine else []
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
    """Return the accounts by partition, and an explanation for each unaccounted element.

    DefinitionError if the audit query does not return the required columns.
    """
    columns, rows = database.query(audit.query)
    if tuple(columns) != _COLUMNS:
        raise DefinitionError(
            f"{audit.query}: returns the columns {', '.join(columns)}. Expected {', '.join(_COLUMNS)}. Fix the query."
        )
    dispositions: dict[int, Counter[str]] = defaultdict(Counter)
    unaccounted = {}
    seen: dict[int, set[int]] = defaultdict(set)
    for partition, offset, position, disposition, explanation in rows:
        seen[partition].add(offset)
        if disposition is None:
            unaccounted[Element(partition, offset, position)] = str(explanation)
        else:
            dispositions[partition][disposition] += 1
    for partition, offset in database.offsets():
        if offset not in seen[partition]:
            unaccounted[Element(partition, offset, None)] = f"is missing from the rows of {audit.query}"
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


def _described(topic: str, element: Element, explanation: str) -> str:
    position = "" if element.position is None else f" position {element.position}"
    return f"  {topic}-{element.partition} offset {element.offset}{position}: {explanation}"


def _order(element: Element) -> tuple[int, int, int]:
    return element.partition, element.offset, -1 if element.position is None else element.position
