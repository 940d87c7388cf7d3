"""Republishing quarantined records: each goes back to its source topic once.

The new record has the timestamp of the old one, so that it takes its place and not that of a newer one. A changelog has
no such place, because its last record of a key counts: there a record is sent only if nothing newer of its key has
arrived, and what arrives while it is sent is sent again after it. Two headers carry its origin and its number of
attempts. A republished marker in the quarantine topic records that it was sent. The
origin header is a second proof: if a run is interrupted between a record and its marker, the next one does not send
the record twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from infra.endpoints import KafkaEndpoint
from infra.errors import RepublishError
from infra.kafka.client import consumer
from infra.kafka.newest import Arrival, NewestRecords, key_of
from infra.kafka.quarantine import read_quarantine
from infra.kafka.quarantine_format import (
    ATTEMPTS_HEADER,
    ORIGIN_HEADER,
    REPUBLISHED_KEY,
    Origin,
    QuarantinedRecord,
    encode_marker,
)
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records

Expression = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class RepublishReport:
    """Numbers of source records; one that was quarantined again after a recovery of its job counts once."""

    republished: int
    already_republished: int
    excluded: int
    superseded: int = 0

    def __str__(self) -> str:
        head = f"republished {self.republished} records" if self.republished else "unchanged: no record republished"
        tail = f", {self.superseded} superseded by a newer record of the same key" if self.superseded else ""
        return f"{head}, {self.already_republished} already republished, {self.excluded} excluded by the filter{tail}"


def republish(
    kafka: KafkaEndpoint,
    quarantine: str,
    where: str | None = None,
    mapping: str | None = None,
    changelogs: Collection[str] = (),
) -> RepublishReport:
    """Send the quarantined records that `where` selects back to their source topics, with the value of `mapping`.

    Both are JMESPath expressions over `document_of` a quarantined record. Without `where` all records are selected;
    without `mapping` a record is sent with its original bytes. In a topic of `changelogs` the last record of a key
    counts; a record that is superseded there is not sent. RepublishError, before anything is sent, if an expression
    is invalid or the mapping returns null.
    """
    selects, maps = _compiled("filter", where), _compiled("mapping", mapping)
    with consumer(kafka) as client:
        quarantined, republished = read_quarantine(client, quarantine)
        by_origin: dict[Origin, list[QuarantinedRecord]] = defaultdict(list)
        for record in quarantined:
            by_origin[record.origin].append(record)
        keys = {key_of(each.source_topic, each.key) for each in quarantined if each.source_topic in changelogs}
        newest, sent = NewestRecords(keys, by_origin.keys()), set[bytes]()
        for topic in sorted({record.source_topic for record in quarantined}):
            records = RecordReader(client, topic).refresh()
            newest.add(records)
            sent |= {value for record in records for name, value in record.headers if name == ORIGIN_HEADER}
    already, excluded, superseded, new = 0, 0, 0, []
    for origin, found in sorted(by_origin.items()):
        if any((record.partition, record.offset) in republished for record in found) or _encoded(origin) in sent:
            already += 1
        elif chosen := next((one for one in found if selects is None or _applied("filter", selects, one)), None):
            key = key_of(origin.topic, chosen.key)
            if key in keys and newest.is_superseded(key, origin):
                superseded += 1
            else:
                new.append((_record(chosen, maps), found))
        else:
            excluded += 1
    send_records(kafka, [record for record, _ in new])
    marked = [record for _, found in new for record in found]
    send_records(kafka, [Record(quarantine, REPUBLISHED_KEY, encode_marker(one), one.partition) for one in marked])
    _send_overtaken(kafka, [record for record, _ in new if record.topic in changelogs], by_origin.keys())
    return RepublishReport(len(new), already, excluded, superseded)


def _send_overtaken(kafka: KafkaEndpoint, sent: Sequence[Record], invalid: Collection[Origin]) -> None:
    """Send those records of changelogs again that are newer than a republished one of their key, and came before it."""
    newest = NewestRecords({key_of(record.topic, record.key) for record in sent}, invalid)
    with consumer(kafka) as client:
        readers = [RecordReader(client, topic) for topic in sorted({record.topic for record in sent})]
        while True:
            for reader in readers:
                newest.add(reader.refresh())
            overtaken = newest.overtaken()
            if not overtaken:
                return
            send_records(kafka, [_again(arrival) for arrival in overtaken])


def _again(arrival: Arrival) -> Record:
    """Return a record that takes the same place once more."""
    record, others = arrival.record, [header for header in arrival.record.headers if header[0] != ORIGIN_HEADER]
    return Record(
        record.topic,
        record.key,
        record.value,
        record.partition,
        (*others, (ORIGIN_HEADER, _encoded(arrival.place))),
        record.timestamp,
    )


def document_of(quarantined: QuarantinedRecord) -> dict[str, Any]:
    """Return a quarantined record as the document for JMESPath; key and value are JSON, else text, else None."""
    return {
        "source_topic": quarantined.source_topic,
        "source_partition": quarantined.source_partition,
        "source_offset": quarantined.source_offset,
        "reason": quarantined.reason,
        "invalid_elements": quarantined.invalid_elements,
        "elements": quarantined.elements,
        "attempts": quarantined.attempts,
        "key": _readable(quarantined.key),
        "value": _readable(quarantined.value),
    }


def _record(quarantined: QuarantinedRecord, maps: Expression | None) -> Record:
    value = quarantined.value
    if maps is not None:
        mapped = _applied("mapping", maps, quarantined)
        if mapped is None:
            raise RepublishError(
                f"the mapping returns null for {_place(quarantined)} ({quarantined.reason}). Expected a value, because "
                "a record without one is a deletion. Fix the mapping, or exclude the record with the filter. Nothing "
                "was sent."
            )
        value = json.dumps(mapped, ensure_ascii=False, separators=(",", ":")).encode()
    headers = (
        (ATTEMPTS_HEADER, str(quarantined.attempts + 1).encode()),
        (ORIGIN_HEADER, _encoded(quarantined.origin)),
    )
    return Record(
        quarantined.source_topic,
        quarantined.key,
        value,
        quarantined.source_partition,
        headers,
        quarantined.source_timestamp_ms,
    )


def _compiled(name: str, expression: str | None) -> Expression | None:
    if not expression:
        return None
    try:
        compiled: Expression = jmespath.compile(expression).search
    except JMESPathError as error:
        raise RepublishError(
            f"the {name} {expression!r} is not a JMESPath expression (https://jmespath.org): {error}. Fix it. Nothing "
            "was sent."
        ) from None
    return compiled


def _applied(name: str, expression: Expression, quarantined: QuarantinedRecord) -> Any:
    try:
        return expression(document_of(quarantined))
    except JMESPathError as error:
        raise RepublishError(
            f"the {name} cannot be applied to {_place(quarantined)}: {error}. Fix the {name}. Nothing was sent."
        ) from None


def _readable(data: bytes | None) -> Any:
    """Return JSON, else text, else None."""
    if data is None:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _place(quarantined: QuarantinedRecord) -> str:
    return f"{quarantined.source_topic}-{quarantined.source_partition} offset {quarantined.source_offset}"


def _encoded(origin: Origin) -> bytes:
    return str(origin).encode()
