"""Reading whole topics in bulk, with librdkafka.

kafka-python decodes records in Python and reads about a tenth of the records per second. It stays the client of
everything that reads little.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, WaitTimeoutError
from infra.kafka.client import bulk_clients

STALL_SECONDS = 30
REQUEST_TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.1
# A batch ends at either limit; both bound the memory of a reader, whatever the size of the records.
BATCH_RECORDS = 20_000
BATCH_BYTES = 16 * 1024 * 1024
_CALL_BYTES = 4 * 1024 * 1024
_MAX_CALL_RECORDS = 5_000
_FIRST_CALL_RECORDS = 100

Row = tuple[int, int, int, bytes | None, bytes | None]
"""Partition, offset, timestamp in ms, key and value of a record."""
Partition = tuple[str, int]
"""Topic and number of a partition."""


@dataclass(frozen=True)
class TopicState:
    """The id of a topic, which changes if it is recreated, and its offsets by partition."""

    topic_id: str
    beginnings: Mapping[int, int]
    ends: Mapping[int, int]


@dataclass
class Batch:
    """Records by topic, and the next offset of each partition after them."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    positions: dict[Partition, int] = field(default_factory=dict)
    count: int = 0


class TopicSource(Protocol):
    """What the checks need of Kafka; `BulkReader`, or a fake in tests."""

    def states(self, topics: Iterable[str]) -> dict[str, TopicState]:
        """Return id and offsets of each topic."""
        ...

    def batches(self, starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Iterator[Batch]:
        """Yield the records from `starts` to at least `ends`."""
        ...


class BulkReader:
    """Reader of topics outside any group."""

    def __init__(self, consumer: Consumer, admin: AdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    def states(self, topics: Iterable[str]) -> dict[str, TopicState]:
        """Return id and offsets of each topic; CheckFailedError if one does not exist, which would look empty."""
        names = list(dict.fromkeys(topics))
        ids: dict[str, str] = {}
        partitions: list[Partition] = []
        described = self._admin.describe_topics(TopicCollection(names), request_timeout=REQUEST_TIMEOUT_SECONDS)
        for name, future in described.items():
            try:
                found = future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                raise CheckFailedError(f"topic {name} does not exist. Deploy the pipeline, which creates it.") from None
            ids[name] = str(found.topic_id)
            partitions += [(name, partition.id) for partition in found.partitions]
        # The ends after the beginnings: records that are deleted in between are before both.
        beginnings = self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {name: TopicState(ids[name], beginnings[name], ends[name]) for name in names}

    def batches(self, starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Iterator[Batch]:
        """Yield the records from `starts` to at least `ends`, in the order of their offsets within a partition.

        WaitTimeoutError if no records arrive for STALL_SECONDS.
        """
        position = {partition: start for partition, start in starts.items() if start < ends[partition]}
        self._consumer.assign([TopicPartition(name, number, at) for (name, number), at in position.items()])
        open_partitions = set(position)
        batch, size, call_records = Batch(), 0, _FIRST_CALL_RECORDS
        last_arrival = time.monotonic()
        while open_partitions:
            messages = self._consumer.consume(call_records, POLL_SECONDS)
            call_bytes = _add(batch, messages, open_partitions, ends)
            size += call_bytes
            if messages:
                last_arrival = time.monotonic()
                average = max(1, call_bytes // len(messages))
                call_records = max(1, min(_MAX_CALL_RECORDS, _CALL_BYTES // average))
            elif time.monotonic() - last_arrival > STALL_SECONDS:
                raise _stalled({**position, **batch.positions}, open_partitions, ends)
            if batch.count >= BATCH_RECORDS or size >= BATCH_BYTES or (batch.positions and not open_partitions):
                position.update(batch.positions)
                yield batch
                batch, size = Batch(), 0
        self._consumer.unassign()

    def _offsets(self, partitions: list[Partition], spec: OffsetSpec) -> dict[str, dict[int, int]]:
        request = {TopicPartition(*partition): spec for partition in partitions}
        found: dict[str, dict[int, int]] = {}
        futures = self._admin.list_offsets(request, request_timeout=REQUEST_TIMEOUT_SECONDS)
        for partition, future in futures.items():
            found.setdefault(partition.topic, {})[partition.partition] = future.result().offset
        return found


@contextmanager
def bulk_reader(endpoint: KafkaEndpoint) -> Iterator[BulkReader]:
    """Yield a reader, and close it afterwards; errors as in `infra.kafka.client`."""
    with bulk_clients(endpoint) as (consumer, admin):
        yield BulkReader(consumer, admin)


def _add(batch: Batch, messages: list[Message], open_partitions: set[Partition], ends: Mapping[Partition, int]) -> int:
    """Add messages to a batch, close the partitions that are read to their ends, and return the number of bytes."""
    size = 0
    rows, positions = batch.rows, batch.positions
    for message in messages:
        number: Any = message.partition()  # the stubs allow None, which only a message of our own can be
        partition: Partition = (message.topic() or "", number)
        offset: Any = message.offset()
        error = message.error()
        if error is None:
            key, value = message.key(), message.value()
            size += (len(key) if key else 0) + (len(value) if value else 0)
            row = (number, offset, message.timestamp()[1], key, value)
            rows.setdefault(partition[0], []).append(row)
            offset += 1
            batch.count += 1
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        # The last offsets of a partition can be records that compaction has removed, or markers of a transaction; then
        # only the event at the end of the partition shows that it is read.
        positions[partition] = offset
        if error is not None or offset >= ends[partition]:
            open_partitions.discard(partition)
    return size


def _stalled(
    position: Mapping[Partition, int], open_partitions: set[Partition], ends: Mapping[Partition, int]
) -> WaitTimeoutError:
    lag = {
        f"{topic}-{number}": ends[topic, number] - position[topic, number] for topic, number in sorted(open_partitions)
    }
    return WaitTimeoutError(f"no records received for {STALL_SECONDS} s; remaining: {lag}. Check the broker's health.")
