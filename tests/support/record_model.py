"""The contract of the source topic as an independent model in plain Python: records in, athletes and quarantine out.

It shares no code with the Flink SQL or the check SQL; the tests compare both with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

from tests.support.olympics_model import Row

MAX_BYTES = 65_536
MAX_LEVELS = 8
MAX_INT = 2**31 - 1
MAX_TEXT = {"name": 255, "nationality": 100}


class Sent(NamedTuple):
    """A record of the source topic and its position."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


class Quarantined(NamedTuple):
    """The quarantined record that is expected for a record, or for one of its elements."""

    partition: int
    offset: int
    position: int | None
    reason: str


class Folded(NamedTuple):
    """The athletes by id, and the quarantine."""

    athletes: dict[int, Row]
    quarantine: set[Quarantined]


def fold(records: Iterable[Sent]) -> Folded:
    """Return athletes and quarantine of the records, in whatever order their partitions were read."""
    values: dict[tuple[str, int], Any] = {}
    quarantine = set()
    for record in sorted(records, key=lambda sent: (sent.timestamp_ms, sent.partition, sent.offset)):
        parsed = _parsed(record.value)
        if isinstance(parsed, str):
            quarantine.add(Quarantined(record.partition, record.offset, None, parsed))
            continue
        kind, first_id = parsed["type"], parsed.get("first_id", 1)
        for position, element in enumerate(parsed["data"]):
            reason = _element_reason(kind, element)
            if reason:
                quarantine.add(Quarantined(record.partition, record.offset, position, reason))
            else:
                values[kind, first_id + position] = element
    athletes = {}
    for athlete_id in {athlete_id for _, athlete_id in values}:
        name, nationality, score = (values.get((kind, athlete_id)) for kind in ("name", "nationality", "score"))
        if name is not None and nationality is not None and score is not None:
            athletes[athlete_id] = Row(athlete_id, name, nationality, score)
    return Folded(athletes, quarantine)


def _parsed(value: bytes | None) -> dict[str, Any] | str:
    """Return the record, or the reason why it is invalid as a whole."""
    if not value:
        return "the record is empty"
    if len(value) > MAX_BYTES:
        return f"the record is larger than {MAX_BYTES} bytes"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "the record is not UTF-8"
    try:
        record = json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return "the record is not a JSON object of at most 8 levels"
    if not isinstance(record, dict) or _levels(record) > MAX_LEVELS:
        return "the record is not a JSON object of at most 8 levels"
    return _fields_reason(record) or record


def _fields_reason(record: dict[str, Any]) -> str | None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "the record has half of a surrogate pair"
    if record.keys() - {"type", "data", "first_id"}:
        return "the record has an unknown key; allowed are type, data and first_id"
    if record.get("type") not in ("name", "score", "nationality"):
        return "type is not name, score or nationality"
    data, first_id = record.get("data"), record.get("first_id", 1)
    if not isinstance(data, list):
        return "data is not a list"
    if type(first_id) is not int or not 1 <= first_id <= MAX_INT:
        return "first_id is not a positive 32-bit integer"
    return "the ids of the elements go beyond 2147483647" if first_id + len(data) - 1 > MAX_INT else None


def _element_reason(kind: str, element: Any) -> str | None:
    if element is None:
        return None
    if kind == "score":
        whole = type(element) is int and -MAX_INT - 1 <= element <= MAX_INT
        return None if whole else "the element is not a 32-bit integer"
    if not isinstance(element, str):
        return "the element is not a text"
    return f"the element is longer than {MAX_TEXT[kind]} characters" if len(element) > MAX_TEXT[kind] else None


def _levels(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + max(map(_levels, document.values()), default=0)
    return 1 + max(map(_levels, document), default=0) if isinstance(document, list) else 0


def _reject(constant: str) -> NoReturn:
    raise ValueError(constant)
