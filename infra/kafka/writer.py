"""Writing records to topics."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import producer

SEND_TIMEOUT_SECONDS = 60
MAX_UNACKNOWLEDGED = 10_000


class Record(NamedTuple):
    """A record to write.

    A value of None is a tombstone. Without a partition the key decides. Without a timestamp it is the time of writing.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


def send_records(endpoint: KafkaEndpoint, records: Iterable[Record]) -> int:
    """Write the records in order and return their number; the error of `producer` if the broker rejects one.

    Memory holds the records that the broker has not acknowledged yet.
    """
    unacknowledged: deque[Any] = deque()
    count = 0
    with producer(endpoint) as sender:
        for record in records:
            if len(unacknowledged) == MAX_UNACKNOWLEDGED:
                unacknowledged.popleft().get(timeout=SEND_TIMEOUT_SECONDS)
            unacknowledged.append(
                sender.send(
                    record.topic, key=record.key, value=record.value, partition=record.partition,
                    headers=list(record.headers), timestamp_ms=record.timestamp_ms,
                )
            )  # fmt: skip
            count += 1
        for future in unacknowledged:
            future.get(timeout=SEND_TIMEOUT_SECONDS)
    return count
