"""Row by row: what was expected against what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.checks.expected import Key, Table


@dataclass(frozen=True)
class Difference:
    """One row that differs; None stands for no row."""

    topic: str
    key: Key
    expected: dict[str, Any] | None
    found: dict[str, Any] | None

    def __str__(self) -> str:
        key = ", ".join(map(repr, self.key))
        return f"{self.topic} [{key}]: expected {_shown(self.expected)}, found {_shown(self.found)}"


def compare(topic: str, expected: Table, found: Table) -> list[Difference]:
    """Every row that is missing, too many, or different, sorted by key."""
    keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    return [Difference(topic, key, expected.get(key), found.get(key)) for key in sorted(keys, key=repr)]


def _shown(row: dict[str, Any] | None) -> str:
    return "no row" if row is None else json.dumps(row, ensure_ascii=False)
