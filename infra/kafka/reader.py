"""What topics hold: a compacted topic folded to its last value by key.

A record that a job has put into the pipeline's quarantine does not count, as it does not count for the job: whoever
writes a bad record under the key of a good one takes nothing away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, WaitTimeoutError
from infra.kafka.client import consumer

POLL_MS = 500
STALL_SECONDS = 30

Value = dict[str, Any]
Origin = tuple[str, int, int]


class RecordReader:
    """Reads a topic record by record; each `refresh` gives those up to the end offsets of that moment."""

    def __init__(self, client: KafkaConsumer, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._position: dict[TopicPartition, int] = {}

    def refresh(self) -> list[ConsumerRecord]:
        """The records that are new; CheckFailedError when the topic does not exist."""
        partitions = partitions_of(self._client, self._topic)
        self._client.assign(partitions)
        return list(read_to_end(self._client, partitions, self._position))


class TableReader:
    """Folds compacted topics with JSON keys and values; each `refresh` reads on to the end offsets of that moment."""

    def __init__(self, client: KafkaConsumer, topics: Iterable[str], quarantine: str | None = None) -> None:
        self._client = client
        self._quarantine = quarantine
        self._bad: set[Origin] = set()
        self.tables: dict[str, dict[bytes, bytes]] = {topic: {} for topic in topics}
        self._position: dict[TopicPartition, int] = {}

    def refresh(self) -> int:
        """Reads what is new and returns the number of records; CheckFailedError when a topic does not exist."""
        if self._quarantine:
            self._learn_bad_records(self._quarantine)
        partitions = [partition for topic in self.tables for partition in partitions_of(self._client, topic)]
        self._client.assign(partitions)
        count = 0
        for record in read_to_end(self._client, partitions, self._position):
            count += 1
            if (record.topic, record.partition, record.offset) in self._bad:
                continue
            if record.value is None:
                self.tables[record.topic].pop(record.key, None)
            else:
                self.tables[record.topic][record.key] = record.value
        return count

    def values(self, topic: str) -> list[Value]:
        """The values of a topic in no order; CheckFailedError names a key whose value is no JSON object."""
        return [_decode(topic, key, value) for key, value in self.tables[topic].items()]

    def _learn_bad_records(self, quarantine: str) -> None:
        """A table that took a record before the job found it bad is read again from the beginning."""
        partitions = partitions_of(self._client, quarantine)
        self._client.assign(partitions)
        found = {
            _origin(record.value)
            for record in read_to_end(self._client, partitions, self._position)
            if record.key is None  # one with a key is a mark, see infra.kafka.quarantine
        } - self._bad
        self._bad |= found
        for topic in {topic for topic, _, _ in found} & self.tables.keys():
            self.tables[topic] = {}
            self._position = {partition: at for partition, at in self._position.items() if partition.topic != topic}


def partitions_of(client: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """All of them; CheckFailedError for a topic that is not there, which would look like an empty one."""
    numbers = client.partitions_for_topic(topic)
    if not numbers:
        raise CheckFailedError(f"there is no topic {topic}; deploy the pipeline, which creates it")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def read_to_end(
    client: KafkaConsumer, partitions: list[TopicPartition], position: dict[TopicPartition, int]
) -> Iterator[ConsumerRecord]:
    """The records from `position` (else the beginning) to the end offsets of now; `position` is moved along."""
    ends, beginnings = client.end_offsets(partitions), client.beginning_offsets(partitions)
    for partition in partitions:
        client.seek(partition, max(position.get(partition, 0), beginnings[partition]))
    idle_ms = 0
    while any(client.position(partition) < ends[partition] for partition in partitions):
        polled = client.poll(timeout_ms=POLL_MS, max_records=5000)
        idle_ms = 0 if polled else idle_ms + POLL_MS
        if idle_ms > STALL_SECONDS * 1000:
            lag = {
                f"{p.topic}-{p.partition}": ends[p] - client.position(p)
                for p in partitions
                if client.position(p) < ends[p]
            }
            raise WaitTimeoutError(f"no record came for {STALL_SECONDS} s; still to read: {lag}; is the broker well?")
        for records in polled.values():
            yield from records
    position.update({partition: client.position(partition) for partition in partitions})


def read_tables(
    endpoint: KafkaEndpoint, topics: Iterable[str], quarantine: str | None = None
) -> dict[str, list[Value]]:
    """The values that compacted topics hold now."""
    with consumer(endpoint) as client:
        reader = TableReader(client, topics, quarantine)
        reader.refresh()
        return {topic: reader.values(topic) for topic in reader.tables}


def _origin(value: bytes) -> Origin:
    """Where a quarantined record came from."""
    entry = json.loads(value)
    return entry["source_topic"], entry["source_partition"], entry["source_offset"]


def _decode(topic: str, key: bytes, value: bytes) -> Value:
    try:
        decoded = json.loads(value)
    except ValueError as error:
        raise CheckFailedError(f"topic {topic}: the value of key {key!r} is not JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise CheckFailedError(f"topic {topic}: the value of key {key!r} is no JSON object: {value!r}")
    return decoded
