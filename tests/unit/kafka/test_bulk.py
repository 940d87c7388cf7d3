"""Reading topics in bulk: batches, the ends of partitions, and librdkafka's errors."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.endpoints import KafkaEndpoint
from infra.errors import AccessDeniedError, TerminalError, UnreachableError, WaitTimeoutError
from infra.kafka import bulk
from infra.kafka.bulk import BulkReader, Row
from infra.kafka.client import _bulk_error


class Message:
    """A message of librdkafka, or the event at the end of a partition."""

    def __init__(self, partition: int, offset: int, value: bytes | None = b"v", code: int | None = None) -> None:
        self._position = (partition, offset)
        self._value = value
        self._error = None if code is None else KafkaError(code)

    def topic(self) -> str:
        return "games"

    def partition(self) -> int:
        return self._position[0]

    def offset(self) -> int:
        return self._position[1]

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self._value

    def error(self) -> KafkaError | None:
        return self._error


class Consumer:
    """A consumer that returns prepared messages, at most `number` at once, and then none."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.assigned: list[tuple[str, int, int]] = []

    def assign(self, partitions: list[Any]) -> None:
        self.assigned = [(partition.topic, partition.partition, partition.offset) for partition in partitions]

    def unassign(self) -> None:
        self.assigned = []

    def consume(self, number: int, _timeout: float) -> list[Message]:
        found, self.messages = self.messages[:number], self.messages[number:]
        return found


def read(consumer: Consumer, starts: dict[int, int], ends: dict[int, int]) -> tuple[list[list[Row]], list[Any]]:
    reader = BulkReader(consumer, None)  # type: ignore[arg-type]
    batches = list(
        reader.batches(
            {("games", number): start for number, start in starts.items()},
            {("games", number): end for number, end in ends.items()},
        )
    )
    return [batch.rows.get("games", []) for batch in batches], [batch.positions for batch in batches]


def test_records_are_read_to_the_ends() -> None:
    consumer = Consumer(Message(0, 3), Message(1, 0), Message(0, 4, None))

    rows, positions = read(consumer, {0: 3, 1: 0, 2: 7}, {0: 5, 1: 1, 2: 7})

    assert rows == [[(0, 3, 1_000, None, b"v"), (1, 0, 1_000, None, b"v"), (0, 4, 1_000, None, None)]]
    assert positions == [{("games", 0): 5, ("games", 1): 1}]
    assert consumer.assigned == []


def test_end_of_a_partition_without_its_last_record_is_seen() -> None:
    end = Message(0, 9, code=KafkaError._PARTITION_EOF)

    assert read(Consumer(Message(0, 3), end), {0: 0}, {0: 9})[1] == [{("games", 0): 9}]
    assert read(Consumer(end), {0: 0}, {0: 9}) == ([[]], [{("games", 0): 9}])


@pytest.mark.parametrize(("limit", "value"), [("BATCH_RECORDS", 2), ("BATCH_BYTES", 20)])
def test_batches_are_bounded(limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, limit, value)
    monkeypatch.setattr(bulk, "_FIRST_CALL_RECORDS", 1)
    monkeypatch.setattr(bulk, "_MAX_CALL_RECORDS", 1)

    rows, _ = read(Consumer(*(Message(0, offset, b"ten bytes!") for offset in range(5))), {0: 0}, {0: 5})

    assert [len(batch) for batch in rows] == [2, 2, 1]


def test_no_records_for_long_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "STALL_SECONDS", 0)

    with pytest.raises(WaitTimeoutError) as caught:
        read(Consumer(Message(0, 0)), {0: 0}, {0: 9})

    assert str(caught.value) == ("no records received for 0 s; remaining: {'games-0': 8}. Check the broker's health.")


def test_error_of_a_partition_ends_the_reading() -> None:
    with pytest.raises(KafkaException):
        read(Consumer(Message(0, 0, code=KafkaError.TOPIC_AUTHORIZATION_FAILED)), {0: 0}, {0: 9})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._TRANSPORT, UnreachableError),
        (KafkaError._AUTHENTICATION, AccessDeniedError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, AccessDeniedError),
        (KafkaError._INVALID_ARG, TerminalError),
    ],
)
def test_errors_are_translated(code: int, kind: type[Exception]) -> None:
    error = _bulk_error(KafkaEndpoint("broker:9092"), KafkaError(code))

    assert type(error) is kind
    assert str(error).startswith("kafka://broker:9092")
