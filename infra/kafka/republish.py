"""Publishing quarantined records again to the topic that they came from, each once.

The new record has the time of the old one, so that it takes its place and not that of a newer one; and two headers:
where it came from, and how many attempts it is. A mark in the quarantine topic says that an entry is done. The
header is the second proof of it: a run that is cut off between the record and its mark does not send it twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from infra.endpoints import KafkaEndpoint
from infra.errors import RepublishError
from infra.kafka.client import consumer
from infra.kafka.quarantine import MARK_KEY, QuarantinedRecord, mark_of, read_entries_and_marks
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records

ATTEMPTS_HEADER = "attempts"  # the jobs copy it into the quarantine
ORIGIN_HEADER = "republished-from"

Expression = Callable[[dict[str, Any]], Any]
Origin = tuple[str, int, int]


@dataclass(frozen=True)
class RepublishReport:
    """Numbers of records; one record may have several entries in the quarantine, one for each bad element."""

    republished: int
    done_before: int
    left: int

    def __str__(self) -> str:
        what = f"republished {self.republished} records" if self.republished else "unchanged: no record republished"
        return f"{what}, {self.done_before} were done before, {self.left} are left by the filter"


def republish(
    kafka: KafkaEndpoint, quarantine: str, where: str | None = None, mapping: str | None = None
) -> RepublishReport:
    """Sends the records of those entries that `where` selects, with the value that `mapping` makes of them.

    Both are JMESPath expressions over an entry: source_topic, source_partition, source_offset, position, reason,
    attempts, key and value (JSON where they are, else text, else null). Without `where` all are taken; without
    `mapping` the record goes back with its own bytes. RepublishError, and nothing is sent, when an expression is wrong
    or a mapping gives nothing.
    """
    selects, maps = _compiled("filter", where), _compiled("mapping", mapping)
    with consumer(kafka) as client:
        entries, marks = read_entries_and_marks(client, quarantine)
        by_record: dict[Origin, list[QuarantinedRecord]] = defaultdict(list)
        for entry in entries:
            by_record[entry.source_topic, entry.source_partition, entry.source_offset].append(entry)
        sent = {
            origin
            for topic in sorted({entry.source_topic for entry in entries})
            for record in RecordReader(client, topic).refresh()
            for name, origin in record.headers
            if name == ORIGIN_HEADER
        }
    done, left, new = 0, 0, []
    for origin, found in sorted(by_record.items()):
        if any((entry.partition, entry.offset) in marks for entry in found) or _origin(origin) in sent:
            done += 1
        elif chosen := next((entry for entry in found if selects is None or _applied("filter", selects, entry)), None):
            new.append((_record(chosen, maps), found))
        else:
            left += 1
    send_records(kafka, [record for record, _ in new])
    marked = [entry for _, found in new for entry in found]
    send_records(kafka, [Record(quarantine, MARK_KEY, mark_of(entry), entry.partition) for entry in marked])
    return RepublishReport(len(new), done, left)


def _record(entry: QuarantinedRecord, maps: Expression | None) -> Record:
    value = entry.value
    if maps is not None:
        mapped = _applied("mapping", maps, entry)
        if mapped is None:
            raise RepublishError(
                f"the mapping gives nothing for {_where(entry)} ({entry.reason}), and a record without a value would "
                "be a deletion; correct the mapping, or leave the entry out by the filter. Nothing was sent"
            )
        value = json.dumps(mapped, ensure_ascii=False, separators=(",", ":")).encode()
    headers = (
        (ATTEMPTS_HEADER, str(entry.attempts + 1).encode()),
        (ORIGIN_HEADER, _origin((entry.source_topic, entry.source_partition, entry.source_offset))),
    )
    return Record(entry.source_topic, entry.key, value, entry.source_partition, headers, entry.source_timestamp_ms)


def _compiled(name: str, expression: str | None) -> Expression | None:
    if not expression:
        return None
    try:
        compiled: Expression = jmespath.compile(expression).search
    except JMESPathError as error:
        raise RepublishError(f"the {name} {expression!r} is no JMESPath (https://jmespath.org): {error}") from None
    return compiled


def _applied(name: str, expression: Expression, entry: QuarantinedRecord) -> Any:
    try:
        return expression(document_of(entry))
    except JMESPathError as error:
        raise RepublishError(f"the {name} cannot be applied to {_where(entry)}: {error}. Nothing was sent") from None


def document_of(entry: QuarantinedRecord) -> dict[str, Any]:
    """What the expressions see of an entry."""
    return {
        "source_topic": entry.source_topic,
        "source_partition": entry.source_partition,
        "source_offset": entry.source_offset,
        "position": entry.position,
        "reason": entry.reason,
        "attempts": entry.attempts,
        "key": _readable(entry.key),
        "value": _readable(entry.value),
    }


def _readable(data: bytes | None) -> Any:
    """JSON, else text, else None."""
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


def _where(entry: QuarantinedRecord) -> str:
    return f"{entry.source_topic}-{entry.source_partition} offset {entry.source_offset}"


def _origin(origin: Origin) -> bytes:
    topic, partition, offset = origin
    return f"{topic}-{partition}@{offset}".encode()
