"""The table of refusals on a real broker: each input, its exact message, and topics that stay as they were."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from kafka import TopicPartition

from infra.kafka.client import admin_client, consumer
from infra.kafka.publish import publish_records
from infra.kafka.republish import republish
from infra.kafka.topics import describe_topics, ensure_topics
from infra.kafka.writer import Record, send_records
from infra.pipeline import Topic
from infra.refusals import Refusal
from tests.local.conftest import Stack
from tests.support.refusals import Given, Inputs, files_below, of_tier

GROUPS = ("Topics and records",)
refused = Inputs()


@dataclass(frozen=True)
class Place:
    """A broker, the name of a topic that no other test uses, and a folder for files."""

    stack: Stack
    topic: str
    folder: Path

    def ensured(self, topic: Topic) -> None:
        ensure_topics(self.stack.kafka, {self.topic: topic})

    def altered(self, before: Topic, after: Topic) -> Given:
        self.ensured(before)
        return Given(lambda: self.ensured(after), {"topic": self.topic})

    def state(self) -> object:
        """Return the topics with their options, the ends of their partitions, and files."""
        with admin_client(self.stack.kafka) as admin, consumer(self.stack.kafka) as client:
            names = [name for name in admin.list_topics() if not name.startswith("__")]
            found = describe_topics(admin, dict.fromkeys(names, COMPACT))
            partitions = [TopicPartition(name, number) for name in names for number in range(found[name].partitions)]
            return found, client.end_offsets(partitions), files_below(self.folder)


COMPACT = Topic(partitions=2, cleanup_policy="compact")
LOG = Topic(partitions=2, cleanup_policy="delete")


@pytest.fixture
def place(stack: Stack, tmp_path: Path) -> Place:
    return Place(stack, f"games.{os.urandom(4).hex()}", tmp_path)


@pytest.mark.parametrize("refusal", of_tier("local", GROUPS), ids=lambda refusal: refusal.name)
def test_input_is_refused_with_its_message(refusal: Refusal, place: Place) -> None:
    refused.check(refusal, place, place.state)


def test_every_row_has_an_input() -> None:
    assert refused.names == sorted(refusal.name for refusal in of_tier("local", GROUPS))


for name, (before, after) in {
    "topic-fewer-partitions": (LOG, LOG.model_copy(update={"partitions": 1})),
    "topic-compacted-partitions": (COMPACT, COMPACT.model_copy(update={"partitions": 3})),
    "topic-replication": (LOG, LOG.model_copy(update={"replication": 2})),
    "topic-option-unknown": (LOG, LOG.model_copy(update={"config": {"retention.mss": "1"}})),
}.items():
    refused(name)(partial(Place.altered, before=before, after=after))


@refused("topic-option-of-new-topic")
def _(place: Place) -> Given:
    topics = {f"{place.topic}.first": LOG, place.topic: LOG.model_copy(update={"config": {"retention.mss": "1"}})}
    return Given(lambda: ensure_topics(place.stack.kafka, topics), {"topic": place.topic})


@refused("lines-invalid")
def _(place: Place) -> Given:
    place.ensured(LOG)
    file = place.folder / "records.jsonl"
    file.write_text('{"type": "name", "data": ["Alex"]}\n{"type": "name"\n[1]\n{"data": ["Max"]}\n')
    return Given(lambda: publish_records(place.stack.kafka, place.topic, "type", file), {"file": file})


QUARANTINED = (
    '{"source_topic": "%s", "source_partition": 0, "source_offset": 7, "source_timestamp": "2026-02-08T10:30:00Z", '
    '"reason": "not JSON", "message_key": null, "message_value": "e30="}'
)


def quarantined(place: Place, where: str | None, mapping: str | None) -> Given:
    place.ensured(LOG)
    quarantine = f"{place.topic}.quarantine"
    ensure_topics(place.stack.kafka, {quarantine: Topic(partitions=1, cleanup_policy="delete")})
    send_records(place.stack.kafka, [Record(quarantine, None, (QUARANTINED % place.topic).encode(), 0)])
    return Given(lambda: republish(place.stack.kafka, quarantine, where, mapping), {"topic": place.topic})


refused("republish-null")(partial(quarantined, where=None, mapping="value.name"))
refused("republish-not-applicable")(partial(quarantined, where="starts_with(attempts, 'a')", mapping=None))
