"""Strict JSON, for validating the records of other producers; docs/records.md says which ones are valid.

It shares no code with the reader of the jobs (flink_jobs/shared/functions/StrictJson.java): the checks must not repeat
its mistakes. Tests run both on the same cases.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

MAX_LEVELS = 8
# Beyond it an integer is none of 64 bits; Python refuses to convert one of more than 4,300 digits.
_MAX_DIGITS = 20


class InvalidJsonError(ValueError):
    """Bytes are not strict JSON; the message is the rest of a sentence about them, such as "is not JSON"."""


def parse(data: bytes) -> Any:
    """Return the document; InvalidJsonError if the bytes are not an I-JSON text (RFC 7493) of at most MAX_LEVELS.

    A number that no 64-bit integer and no double can hold becomes the nearest double that can.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJsonError("is not UTF-8") from None
    try:
        document = json.loads(
            text, parse_constant=_reject, parse_float=_finite, parse_int=_integer, object_pairs_hook=_unique
        )
    except InvalidJsonError:
        raise
    except (ValueError, RecursionError):
        raise InvalidJsonError("is not JSON") from None
    if _levels(document) > MAX_LEVELS:
        raise InvalidJsonError(f"has more than {MAX_LEVELS} levels")
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidJsonError("has half of a surrogate pair") from None
    return document


def normalised(data: bytes | None) -> str | None:
    """Return the document in a canonical form; None if the bytes are missing or are not strict JSON."""
    if data is None:
        return None
    try:
        return json.dumps(parse(data), ensure_ascii=False, separators=(",", ":"))
    except InvalidJsonError:
        return None


def _reject(_constant: str) -> NoReturn:
    raise InvalidJsonError("is not JSON")  # NaN and Infinity, which Python accepts


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidJsonError("has a name twice in one object")
    return fields


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else _finite(digits)


def _finite(text: str) -> float:
    """Return a number as a double; a larger one becomes the largest double, because JSON does not have infinity."""
    return max(-sys.float_info.max, min(sys.float_info.max, float(text)))


def _levels(document: Any) -> int:
    levels, layer = 0, [document]
    while layer := [item for item in layer if isinstance(item, list | dict)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
