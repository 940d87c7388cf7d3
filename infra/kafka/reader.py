"""Reading topics to their end, and folding compacted topics to the last value of each key.

A record that a job has quarantined does not count, because it does not count for the job either: an invalid record
under the key of a valid one leaves the valid one in force.
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
from infra.kafka.quarantine_format import Origin, is_republished_marker, origin_of

POLL_MS = 500
MAX_POLL_RECORDS = 5_000
STALL_SECONDS = 30

Value = dict[str, Any]
_FIX_VALUE = "Write a JSON object or a tombstone under this key."


class RecordReader:
    """Incremental reader of one topic: each `refresh` reads on to the current end offsets."""

    def __init__(self, client: KafkaConsumer, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._position: dict[TopicPartition, int] = {}

    def refresh(self) -> list[ConsumerRecord]:
        """Return the records since the last call; CheckFailedError if the topic does not exist."""
        partitions = partitions_of(self._client, self._topic)
        self._client.assign(partitions)
        return list(read_to_end(self._client, partitions, self._position))


class TableReader:
    """Incremental fold of compacted topics with JSON keys and values: each `refresh` reads on to the end offsets."""

    def __init__(self, client: KafkaConsumer, topics: Iterable[str], quarantine: str | None = None) -> None:
        self._client = client
        self._quarantine = quarantine
        self._quarantined: set[Origin] = set()
        self.tables: dict[str, dict[bytes, bytes]] = {topic: {} for topic in topics}
        self._position: dict[TopicPartition, int] = {}
        self._beginnings: dict[TopicPartition, int] = {}

    def refresh(self) -> int:
        """Read the new records and return their number; CheckFailedError if a topic does not exist.

        A topic that was emptied since the last call counts as one record, and its table starts empty.
        """
        if self._quarantine:
            self._refresh_quarantined(self._quarantine)
        partitions = [partition for topic in self.tables for partition in partitions_of(self._client, topic)]
        self._client.assign(partitions)
        count = self._reset_emptied(partitions)
        for record in read_to_end(self._client, partitions, self._position):
            count += 1
            if Origin(record.topic, record.partition, record.offset, record.timestamp) in self._quarantined:
                continue
            if record.value is None:
                self.tables[record.topic].pop(record.key, None)
            else:
                self.tables[record.topic][record.key] = record.value
        return count

    def values(self, topic: str) -> list[Value]:
        """Return the values of a topic in no order; CheckFailedError names a key whose value is not a JSON object."""
        return [decode_value(topic, key, value) for key, value in self.tables[topic].items()]

    def _reset_emptied(self, partitions: list[TopicPartition]) -> int:
        """Reset the tables of topics whose beginning offsets have changed, and return the number of these topics."""
        before, self._beginnings = self._beginnings, self._client.beginning_offsets(partitions)
        emptied = {partition.topic for partition, offset in before.items() if self._beginnings[partition] != offset}
        for topic in emptied:
            self._reset(topic)
        return len(emptied)

    def _reset(self, topic: str) -> None:
        self.tables[topic] = {}
        self._position = {partition: at for partition, at in self._position.items() if partition.topic != topic}

    def _refresh_quarantined(self, quarantine: str) -> None:
        """Read the new quarantined records, and reset each table that may contain one: it is read from scratch."""
        partitions = partitions_of(self._client, quarantine)
        self._client.assign(partitions)
        found = {
            origin_of(record)
            for record in read_to_end(self._client, partitions, self._position)
            if not is_republished_marker(record)
        } - self._quarantined
        self._quarantined |= found
        for topic in {origin.topic for origin in found} & self.tables.keys():
            self._reset(topic)


def partitions_of(client: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return all partitions of a topic; CheckFailedError if it does not exist, which would look like an empty one."""
    numbers = client.partitions_for_topic(topic)
    if not numbers:
        raise CheckFailedError(f"topic {topic} does not exist. Deploy the pipeline, which creates it.")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def read_to_end(
    client: KafkaConsumer, partitions: list[TopicPartition], position: dict[TopicPartition, int]
) -> Iterator[ConsumerRecord]:
    """Yield the records from `position` (else the beginning) to the current end offsets, and advance `position`.

    WaitTimeoutError if no records arrive for STALL_SECONDS.
    """
    ends, beginnings = client.end_offsets(partitions), client.beginning_offsets(partitions)
    for partition in partitions:
        client.seek(partition, max(position.get(partition, 0), beginnings[partition]))
    idle_ms = 0
    while any(client.position(partition) < ends[partition] for partition in partitions):
        polled = client.poll(timeout_ms=POLL_MS, max_records=MAX_POLL_RECORDS)
        idle_ms = 0 if polled else idle_ms + POLL_MS
        if idle_ms > STALL_SECONDS * 1000:
            lag = {
                f"{p.topic}-{p.partition}": ends[p] - client.position(p)
                for p in partitions
                if client.position(p) < ends[p]
            }
            raise WaitTimeoutError(
                f"no records received for {STALL_SECONDS} s; remaining: {lag}. Check the broker's health."
            )
        for records in polled.values():
            yield from records
    position.update({partition: client.position(partition) for partition in partitions})


def read_tables(
    endpoint: KafkaEndpoint, topics: Iterable[str], quarantine: str | None = None
) -> dict[str, list[Value]]:
    """Return the current values of compacted topics, by topic."""
    with consumer(endpoint) as client:
        reader = TableReader(client, topics, quarantine)
        reader.refresh()
        return {topic: reader.values(topic) for topic in reader.tables}


def decode_value(topic: str, key: bytes | None, value: bytes) -> Value:
    """Return the value of a row; CheckFailedError if it is not a JSON object."""
    try:
        decoded = json.loads(value)
    except ValueError as error:
        raise CheckFailedError(f"topic {topic}: the value of key {key!r} is not JSON: {error}. {_FIX_VALUE}") from None
    if not isinstance(decoded, dict):
        raise CheckFailedError(f"topic {topic}: the value of key {key!r} is not a JSON object: {value!r}. {_FIX_VALUE}")
    return decoded
