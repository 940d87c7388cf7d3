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
LISTED_ELEMENTS = 100
TOO_DEEP = f"the record has more than {MAX_LEVELS} levels"
MAX_TEXT = {"name": 255, "nationality": 100}


class Sent(NamedTuple):
    """A record of the source topic and its position."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


class Quarantined(NamedTuple):
    """The quarantined record that is expected for a record: invalid as a whole, or with so many invalid elements.

    `elements` are position and reason of the first LISTED_ELEMENTS of them.
    """

    partition: int
    offset: int
    reason: str
    invalid_elements: int | None = None
    elements: tuple[tuple[int, str], ...] = ()


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
            quarantine.add(Quarantined(record.partition, record.offset, parsed))
            continue
        kind, first_id = parsed["type"], parsed.get("first_id", 1)
        invalid = []
        for position, element in enumerate(parsed["data"]):
            reason = _element_reason(kind, first_id + position, element)
            if reason:
                invalid.append((position, reason))
            else:
                values[kind, first_id + position] = element
        if invalid:
            listed = tuple(invalid[:LISTED_ELEMENTS])
            quarantine.add(Quarantined(record.partition, record.offset, "invalid elements", len(invalid), listed))
    athletes = {}
    for athlete_id in {athlete_id for _, athlete_id in values}:
        name, nationality, score = (values.get((kind, athlete_id)) for kind in ("name", "nationality", "score"))
        if name is not None and nationality is not None and score is not None:
            athletes[athlete_id] = Row(athlete_id, name, nationality, score)
    return Folded(athletes, quarantine)


def _parsed(value: bytes | None) -> dict[str, Any] | str:
    """Return the record, or the reason why it is invalid as a whole."""
    if value is None:
        return "the record is empty"
    if len(value) > MAX_BYTES:
        return f"the record is larger than {MAX_BYTES} bytes"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "the record is not UTF-8"
    try:
        record = json.loads(text, parse_constant=_reject, parse_int=_integer, object_pairs_hook=Fields)
    except (ValueError, RecursionError) as error:
        # The levels are counted while the text is read, so a deep one is not known to be JSON.
        return TOO_DEEP if isinstance(error, RecursionError) else "the record is not JSON"
    return _document_reason(record) or _fields_reason(dict(record)) or dict(record)


class Fields(list[tuple[str, Any]]):
    """The fields of a JSON object, with every repetition of a name."""


def _document_reason(record: Any) -> str | None:
    if _levels(record) > MAX_LEVELS:
        return TOO_DEEP
    if _has_repetition(record):
        return "the record has a name twice in one object"
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "the record has half of a surrogate pair"
    return None if isinstance(record, Fields) else "the record is not a JSON object"


def _has_repetition(document: Any) -> bool:
    if isinstance(document, Fields):
        names = [name for name, _ in document]
        return len(set(names)) < len(names) or any(_has_repetition(value) for _, value in document)
    return isinstance(document, list) and any(map(_has_repetition, document))


def _fields_reason(record: dict[str, Any]) -> str | None:
    if record.keys() - {"type", "data", "first_id"}:
        return "the record has an unknown name; allowed are type, data, first_id"
    for name in ("type", "data"):
        if name not in record:
            return f"{name} is missing from the record"
    data, first_id = record["data"], record.get("first_id", 1)
    if not isinstance(record["type"], str):
        return "type in the record is not a text"
    if not isinstance(data, list) or isinstance(data, Fields):
        return "data in the record is not a list"
    if type(first_id) is not int or not -MAX_INT - 1 <= first_id <= MAX_INT:
        return "first_id in the record is not a 32-bit integer"
    if record["type"] not in ("name", "nationality", "score"):
        return "type is not name, nationality or score"
    return "first_id is not positive" if first_id < 1 else None


def _element_reason(kind: str, athlete_id: int, element: Any) -> str | None:
    if athlete_id > MAX_INT:
        return f"the element has an id larger than {MAX_INT}"
    if element is None:
        return None
    if kind == "score":
        whole = type(element) is int and -MAX_INT - 1 <= element <= MAX_INT
        return None if whole else "the element is not a 32-bit integer"
    if not isinstance(element, str):
        return "the element is not a text"
    return f"the element is longer than {MAX_TEXT[kind]} characters" if len(element) > MAX_TEXT[kind] else None


def _levels(document: Any) -> int:
    if isinstance(document, Fields):
        return 1 + max((_levels(value) for _, value in document), default=0)
    return 1 + max(map(_levels, document), default=0) if isinstance(document, list) else 0


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 1_000 else float("inf")  # Python refuses to convert more than 4,300 digits


def _reject(constant: str) -> NoReturn:
    raise ValueError(constant)
