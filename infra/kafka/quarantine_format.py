"""The wire format of a quarantine topic: its quarantined records, its republished markers, and the headers.

A job writes a quarantined record with the columns of `flink_jobs/shared/quarantine/85_quarantine_topic.sql`, as JSON
and without a key. The platform adds a republished marker to the same topic when it has sent the record back to its
source topic. The record that it sends carries two headers, which the jobs and the next republish read.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from kafka.consumer.fetcher import ConsumerRecord

# The key of a republished marker; a quarantined record does not have a key.
REPUBLISHED_KEY = b"republished"
# How many times a record has been republished; the jobs copy it to the column `attempts`.
ATTEMPTS_HEADER = "attempts"
# The origin of a republished record, in the form of `Origin.__str__`.
ORIGIN_HEADER = "republished-from"


class Origin(NamedTuple):
    """The position of a record in its source topic, and its timestamp: a topic that is recreated reuses offsets."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}/{self.timestamp_ms}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Return the origin of a text in the form of `__str__`."""
        head, _, timestamp_ms = text.rpartition("/")
        place, _, offset = head.rpartition("@")
        topic, _, partition = place.rpartition("-")
        return cls(topic, int(partition), int(offset), int(timestamp_ms))


@dataclass(frozen=True)
class QuarantinedRecord:
    """A quarantined record: its position in the quarantine, its origin, the reason, and its original bytes.

    `invalid_elements` is the number of its invalid elements, None if the whole record is invalid; `elements` has the
    first 100 of them, each with `position` and `reason`. `attempts` is the number of times that the record had been
    republished before.
    """

    partition: int
    offset: int
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp_ms: int
    reason: str
    invalid_elements: int | None
    elements: list[dict[str, Any]]
    attempts: int
    key: bytes | None
    value: bytes | None

    @property
    def origin(self) -> Origin:
        """The position of the original record in its source topic, and its timestamp."""
        return Origin(self.source_topic, self.source_partition, self.source_offset, self.source_timestamp_ms)


def is_republished_marker(record: ConsumerRecord) -> bool:
    """Return whether a record of the quarantine topic is a republished marker and not a quarantined record."""
    return bool(record.key == REPUBLISHED_KEY)


def decode_quarantined(record: ConsumerRecord) -> QuarantinedRecord:
    """Return the quarantined record that a job wrote."""
    columns = quarantine_columns(record)
    return QuarantinedRecord(
        partition=record.partition,
        offset=record.offset,
        source_topic=columns["source_topic"],
        source_partition=columns["source_partition"],
        source_offset=columns["source_offset"],
        source_timestamp_ms=_milliseconds(columns["source_timestamp"]),
        reason=columns["reason"],
        invalid_elements=columns.get("invalid_elements"),
        elements=columns.get("elements") or [],
        attempts=columns.get("attempts", 0),
        key=_bytes(columns["message_key"]),
        value=_bytes(columns["message_value"]),
    )


def quarantine_columns(record: ConsumerRecord) -> dict[str, Any]:
    """Return the columns of a quarantined record as the job wrote them, without decoding its bytes."""
    columns: dict[str, Any] = json.loads(record.value)
    return columns


def origin_of(record: ConsumerRecord) -> Origin:
    """Return the origin of a quarantined record, without decoding its bytes."""
    columns = quarantine_columns(record)
    return Origin(
        columns["source_topic"],
        columns["source_partition"],
        columns["source_offset"],
        _milliseconds(columns["source_timestamp"]),
    )


def encode_marker(quarantined: QuarantinedRecord) -> bytes:
    """Return the value of the republished marker of a quarantined record."""
    return json.dumps({"partition": quarantined.partition, "offset": quarantined.offset}).encode()


def decode_marker(record: ConsumerRecord) -> tuple[int, int]:
    """Return partition and offset, within the quarantine, of the record that a republished marker stands for."""
    content = json.loads(record.value)
    return content["partition"], content["offset"]


def _milliseconds(text: str) -> int:
    """Return ISO 8601 text as milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
