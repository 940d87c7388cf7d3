"""`audit_records`: every record of a topic, or each element of it, has exactly one disposition.

The pipeline's SQL returns the disposition of each. This module counts them by partition and names the first unaccounted
ones; all others stay in the database. Only records that were in the topic when the audit began are counted, so it ends
although more keep arriving. While rows change, an element can be unaccounted for a moment, so it must have had a
disposition in one of the rounds.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these are constants

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from infra.checks.database_file import MEMORY_MB
from infra.checks.rounds import Rounds
from infra.checks.timing import CHECK_TIMEOUT_SECONDS
from infra.checks.topic_database import TopicDatabase, log_of
from infra.checks.topic_log import TopicLog
from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, DefinitionError
from infra.kafka.bulk import bulk_reader
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
class Unaccounted:
    """The number of unaccounted elements, and explanations for the first of them."""

    count: int
    first: dict[Element, str]


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
    work_dir: Path | None = None,
    memory_mb: int = MEMORY_MB,
) -> AuditReport:
    """Wait until every element of the topic as it is now has a disposition, and return the report.

    With `work_dir`, the audit goes on from the offsets at which the last check ended.
    CheckFailedError names the first unaccounted elements.
    """
    begun = time.monotonic()
    with bulk_reader(kafka) as topics, TopicDatabase(pipeline, work_dir, memory_mb) as database:
        database.use_records(audit.topic)
        log = TopicLog(database, topics, [audit.topic, *pipeline.checks])
        rounds = Rounds(log, begun, timeout_seconds)
        rounds.read()
        ends = {number: end for (topic, number), end in log.ends.items() if topic == audit.topic}
        while True:
            rounds.await_calm()
            observed = time.monotonic()
            rounds.read()
            database.create_topic_tables()
            accounts, unaccounted = account_for(audit, database, ends)
            now = time.monotonic()
            if not unaccounted.count:
                return AuditReport(audit.topic, accounts, now - begun)
            if now - begun >= timeout_seconds:
                raise _failure(audit.topic, unaccounted)
            rounds.await_change(now - observed, f"{unaccounted.count} elements are unaccounted")


def account_for(
    audit: Audit, database: TopicDatabase, ends: Mapping[int, int] | None = None
) -> tuple[dict[int, PartitionAccount], Unaccounted]:
    """Return the accounts by partition, and the elements that were unaccounted in each call on this database.

    Only records before the offsets `ends` count, by default all. DefinitionError if the audit query does not return the
    required columns.
    """
    columns = database.describe(audit.query)
    if tuple(columns) != _COLUMNS:
        raise DefinitionError(
            f"{audit.query}: returns the columns {', '.join(columns)}. Expected {', '.join(_COLUMNS)}. Fix the query."
        )
    connection = database.connection
    connection.execute("CREATE OR REPLACE TEMP TABLE checks_ends (source_partition INTEGER, next_offset BIGINT)")
    with connection.appender("checks_ends") as appender:
        appender.append_rows(list((ends or {}).items()))
    # The explanations of accounted elements are not needed.
    explanation = "CASE WHEN disposition IS NULL THEN CAST(explanation AS VARCHAR) END AS explanation"
    database.create_from(
        audit.query, "checks_audited", f"source_partition, source_offset, position, disposition, {explanation}"
    )
    if ends is not None:
        connection.execute(f"DELETE FROM checks_audited AS audited WHERE NOT {_counts('audited')}")
    elements = (
        "SELECT source_partition, source_offset, CAST(position AS BIGINT) AS position, explanation "
        "FROM checks_audited WHERE disposition IS NULL UNION ALL "
        f"SELECT source_partition, source_offset, NULL, $missing FROM {log_of(audit.topic)} AS log "
        f"ANTI JOIN checks_audited USING (source_partition, source_offset) "
        f"WHERE {'true' if ends is None else _counts('log')}"
    )
    is_known = "duckdb_tables() WHERE temporary AND table_name = 'checks_unaccounted'"
    before = (
        "SEMI JOIN checks_unaccounted AS before ON before.source_partition = found.source_partition AND "
        "before.source_offset = found.source_offset AND before.position IS NOT DISTINCT FROM found.position"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE checks_unaccounted AS SELECT found.* FROM ({elements}) AS found "
        f"{before if database.number(f'SELECT count(*) FROM {is_known}') else ''}",
        {"missing": f"is missing from the rows of {audit.query}"},
    )
    return _accounts(database), _unaccounted(database)


def _counts(table: str) -> str:
    """Return a condition: the record was in the topic when the audit began."""
    return (
        f"EXISTS (SELECT 1 FROM checks_ends WHERE checks_ends.source_partition = {table}.source_partition "
        f"AND {table}.source_offset < next_offset)"
    )


def _accounts(database: TopicDatabase) -> dict[int, PartitionAccount]:
    rows = database.connection.execute(
        "SELECT source_partition, disposition, count(*), min(source_offset), max(source_offset) FROM checks_audited "
        "GROUP BY source_partition, disposition"
    ).fetchall()
    offsets: dict[int, list[int]] = defaultdict(list)
    dispositions: dict[int, Counter[str]] = defaultdict(Counter)
    for partition, disposition, count, first, last in rows:
        offsets[partition] += [first, last]
        if disposition is not None:
            dispositions[partition][disposition] += count
    return {
        partition: PartitionAccount(min(found), max(found), dispositions[partition])
        for partition, found in offsets.items()
    }


def _unaccounted(database: TopicDatabase) -> Unaccounted:
    count = database.number("SELECT count(*) FROM checks_unaccounted")
    rows = database.connection.execute(
        "SELECT source_partition, source_offset, position, explanation FROM checks_unaccounted "
        "ORDER BY source_partition, source_offset, coalesce(position, -1) LIMIT ?",
        [SHOWN_ELEMENTS],
    ).fetchall()
    return Unaccounted(count, {Element(*position): str(explanation) for *position, explanation in rows})


def _failure(topic: str, unaccounted: Unaccounted) -> CheckFailedError:
    shown = [_described(topic, element, explanation) for element, explanation in unaccounted.first.items()]
    more = f"\n  and {unaccounted.count - len(shown)} more" if unaccounted.count > len(shown) else ""
    count = "1 element has" if unaccounted.count == 1 else f"{unaccounted.count} elements have"
    return CheckFailedError(
        f"{count} no disposition, so records were lost or counted twice:\n" + "\n".join(shown) + more
    )


def _described(topic: str, element: Element, explanation: str) -> str:
    position = "" if element.position is None else f" position {element.position}"
    return f"  {topic}-{element.partition} offset {element.offset}{position}: {explanation}"
