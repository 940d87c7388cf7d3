"""The documented values of the chart, read from values.yaml as helm-docs reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):")
_COMMENT = re.compile(r"^ *# (?P<start>-- )?(?P<text>.*)$")
_TYPES = {bool: "bool", int: "int", str: "string", list: "list", dict: "object"}


@dataclass(frozen=True)
class Value:
    """One row of the table: a dotted path, its default, and its description ("" if it has none)."""

    path: str
    default: Any
    description: str

    @property
    def type_name(self) -> str:
        """The name that helm-docs gives the type."""
        return _TYPES[type(self.default)]


def documented_values(path: Path) -> list[Value]:
    """Return every leaf of a values file: scalars, lists, empty mappings, and mappings that have a description."""
    text = path.read_text(encoding="utf-8")
    descriptions = _descriptions(text.splitlines())
    return list(_leaves(yaml.safe_load(text), "", descriptions))


def _leaves(mapping: dict[str, Any], prefix: str, descriptions: dict[str, str]) -> list[Value]:
    found = []
    for key, value in mapping.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value and path not in descriptions:
            found += _leaves(value, f"{path}.", descriptions)
        else:
            found.append(Value(path, value, descriptions.get(path, "")))
    return found


def _descriptions(lines: list[str]) -> dict[str, str]:
    """Return the `# --` comment above each key, by dotted path; its lines are joined with a space."""
    descriptions: dict[str, str] = {}
    parents: list[str] = []
    comment: list[str] = []
    for line in lines:
        if match := _COMMENT.match(line):
            if match["start"]:
                comment = [match["text"]]
            elif comment:
                comment.append(match["text"])
            continue
        if match := _KEY.match(line):
            parents = [*parents[: len(match["indent"]) // 2], match["key"]]
            if comment:
                descriptions[".".join(parents)] = " ".join(comment)
        comment = []
    return descriptions
