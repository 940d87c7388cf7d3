"""Writing records to topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import producer

SEND_TIMEOUT_SECONDS = 60


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
    """Write the records in order and return their number; the error of `producer` if the broker rejects one."""
    with producer(endpoint) as sender:
        sent = [
            sender.send(
                r.topic, key=r.key, value=r.value, partition=r.partition,
                headers=list(r.headers), timestamp_ms=r.timestamp_ms,
            )
            for r in records
        ]  # fmt: skip
        for future in sent:
            future.get(timeout=SEND_TIMEOUT_SECONDS)
    return len(sent)
