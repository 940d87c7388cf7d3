"""Strict JSON (RFC 8259), for validating the records of other producers."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn


def normalised(data: bytes | None) -> tuple[str | None, int]:
    """Return the document in a canonical form, and its number of nested levels (a scalar: 0).

    The document is None if the bytes are not UTF-8, are not JSON, or contain half of a surrogate pair. The last of
    several equal keys counts, as for most parsers.
    """
    if data is None:
        return None, 0
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_reject, parse_float=_finite)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8")
    except (ValueError, RecursionError):
        return None, 0
    return text, _levels(document)


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    """Return a number as a double; a larger one becomes the largest double, because JSON does not have infinity."""
    return max(-sys.float_info.max, min(sys.float_info.max, float(text)))


def _levels(document: Any) -> int:
    levels, layer = 0, [document]
    while layer := [item for item in layer if isinstance(item, list | dict)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
