"""JSON as its standard has it (RFC 8259), for judging what others wrote."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn


def normalised(data: bytes | None) -> tuple[str | None, int]:
    """The document in one spelling, and how many levels it nests (a scalar: 0).

    None where the bytes are no UTF-8, no JSON, or hold half of a surrogate pair. Of equal keys the last one counts, as
    for most parsers.
    """
    if data is None:
        return None, 0
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8")
    except (ValueError, RecursionError):
        return None, 0
    return text, _levels(document)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    """The largest double for what is larger, since there is no spelling of infinity."""
    return max(-sys.float_info.max, min(sys.float_info.max, float(text)))


def _levels(document: Any) -> int:
    levels, layer = 0, [document]
    while layer := [item for item in layer if isinstance(item, list | dict)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
