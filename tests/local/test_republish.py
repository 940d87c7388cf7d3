"""Republishing to a changelog on a real broker: a corrected record never replaces a newer row of its key."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from infra.endpoints import KafkaEndpoint
from infra.kafka import republish as republishing
from infra.kafka.client import consumer
from infra.kafka.reader import RecordReader, TableReader
from infra.kafka.republish import republish
from infra.kafka.topics import ensure_topics
from infra.kafka.writer import Record, send_records
from infra.pipeline import Topic
from tests.local.conftest import Stack

KEY = b'{"id":1}'
INVALID = b'{"id":1,"score":"nine"}'
MENDED = "{id: `1`, score: `9`}"
QUARANTINED = (
    '{"source_topic": "%s", "source_partition": 0, "source_offset": %d, "source_timestamp": "2026-02-08T10:30:00Z", '
    '"reason": "score is not a number", "message_key": "eyJpZCI6MX0=", "message_value": "eyJpZCI6MX0="}'
)
BEFORE, THEN, AFTER = (1_770_546_600_000 + minute * 60_000 for minute in (-1, 0, 1))  # THEN is 2026-02-08T10:30:00Z


@dataclass(frozen=True)
class Changelog:
    """A compacted topic with a quarantine."""

    kafka: KafkaEndpoint
    topic: str

    def write(self, value: bytes | None, timestamp_ms: int) -> None:
        send_records(self.kafka, [Record(self.topic, KEY, value, 0, timestamp_ms=timestamp_ms)])

    def quarantine(self, offset: int) -> None:
        value = (QUARANTINED % (self.topic, offset)).encode()
        send_records(self.kafka, [Record(f"{self.topic}.quarantine", None, value, 0)])

    def republish(self) -> str:
        return str(republish(self.kafka, f"{self.topic}.quarantine", None, MENDED, {self.topic}))

    def row(self) -> bytes | None:
        """Return the current row of the key, as a reader of the changelog sees it."""
        with consumer(self.kafka) as client:
            reader = TableReader(client, [self.topic], f"{self.topic}.quarantine")
            reader.refresh()
            return reader.tables[self.topic].get(KEY)

    def count(self) -> int:
        with consumer(self.kafka) as client:
            return len(RecordReader(client, self.topic).refresh())


@pytest.fixture
def changelog(stack: Stack) -> Changelog:
    found = Changelog(stack.kafka, f"games.{os.urandom(4).hex()}")
    quarantine = Topic(partitions=1, cleanup_policy="delete")
    ensure_topics(
        stack.kafka,
        {found.topic: Topic(partitions=1, cleanup_policy="compact"), f"{found.topic}.quarantine": quarantine},
    )
    found.write(b'{"id":1,"score":1}', BEFORE)
    found.write(INVALID, THEN)
    found.quarantine(offset=1)
    return found


def test_corrected_record_counts_if_nothing_newer_is_there(changelog: Changelog) -> None:
    assert changelog.republish() == "republished 1 records, 0 already republished, 0 excluded by the filter"
    assert changelog.row() == b'{"id":1,"score":9}'
    assert changelog.republish() == "unchanged: no record republished, 1 already republished, 0 excluded by the filter"


@pytest.mark.parametrize("newer", [b'{"id":1,"score":7}', None])
def test_newer_row_stays_in_force(changelog: Changelog, newer: bytes | None) -> None:
    changelog.write(newer, AFTER)

    for _ in range(2):
        assert changelog.republish() == (
            "unchanged: no record republished, 0 already republished, 0 excluded by the filter, 1 superseded by a "
            "newer record of the same key"
        )

    assert (changelog.row(), changelog.count()) == (newer, 3)


@pytest.mark.parametrize("newer", [b'{"id":1,"score":7}', None])
def test_update_while_the_record_is_sent_stays_in_force(
    changelog: Changelog, newer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update between the look at the topic and the arrival of the corrected record."""
    pending = [newer]

    def send(kafka: KafkaEndpoint, records: Iterable[Record]) -> int:
        if pending:
            changelog.write(pending.pop(), AFTER)
        return send_records(kafka, records)

    monkeypatch.setattr(republishing, "send_records", send)

    assert changelog.republish() == "republished 1 records, 0 already republished, 0 excluded by the filter"

    assert (changelog.row(), changelog.count()) == (newer, 5)
    assert changelog.republish() == "unchanged: no record republished, 1 already republished, 0 excluded by the filter"
    assert changelog.row() == newer
