"""The plan of a deployment: what it would create, change, leave or refuse, as plain values.

The layers that change a system also compare it, and describe the difference with these values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from infra.errors import PlatformError, TerminalError

HIDDEN = "***"
# Flink hides the values of options whose names contain one of these, too (GlobalConfiguration).
_SENSITIVE = ("password", "secret", "account.key", "apikey", "api-key", "auth-params", "service-key", "token",
              "basic-auth", "jaas.config", "http-headers")  # fmt: skip


class Action(StrEnum):
    """What a deployment would do with one object."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    REFUSE = "refuse"


_SIGNS = {Action.CREATE: "+", Action.CHANGE: "~", Action.UNCHANGED: "=", Action.REFUSE: "!"}
_PARTS = ("rows", "records")


@dataclass(frozen=True)
class PlannedChange:
    """What a deployment would do with one object; `details` are further lines, such as a diff.

    `kind` is one of target, database, user, table, rows, source, topic, records, captured table, scripts and job.
    """

    kind: str
    name: str
    action: Action
    summary: str = ""
    details: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the line of the object, and its details, indented."""
        thing = f"{self.kind} of {self.name}" if self.kind in _PARTS else f"{self.kind} {self.name}"
        # The message of an error begins with its object.
        text = ": ".join(filter(None, [thing, self.summary.removeprefix(f"{thing}: ")]))
        return [f"{_SIGNS[self.action]} {text}", *(f"    {line}".rstrip() for line in self.details)]

    def document(self) -> dict[str, Any]:
        """Return the change for machines, as values of JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "action": self.action.value,
            "summary": self.summary,
            "details": list(self.details),
        }


def refused(kind: str, name: str, error: PlatformError) -> PlannedChange:
    """Return the refusal of an object, with the message that the deployment would fail with."""
    first, *others = str(error).splitlines()
    return PlannedChange(kind, name, Action.REFUSE, first, tuple(others))


def compared(kind: str, name: str, compare: Callable[[], PlannedChange]) -> PlannedChange:
    """Return the result of a comparison, or the refusal if it raises a TerminalError."""
    try:
        return compare()
    except TerminalError as error:
        return refused(kind, name, error)


def shown_value(option: str, value: str) -> str:
    """Return the value of an option for people; hidden if the name of the option is that of a credential."""
    return HIDDEN if any(word in option.lower() for word in _SENSITIVE) else value


@dataclass(frozen=True)
class Plan:
    """The plan of one deployment, object by object, in the order in which they are deployed."""

    pipeline: str
    target: str
    changes: tuple[PlannedChange, ...]

    def count(self, action: Action) -> int:
        """Return the number of objects with this action."""
        return sum(change.action is action for change in self.changes)

    @property
    def refusals(self) -> list[PlannedChange]:
        """The objects that the deployment would refuse."""
        return [change for change in self.changes if change.action is Action.REFUSE]

    @property
    def exit_status(self) -> int:
        """0 if there is nothing to do, 2 if there is, and 1 if the deployment would be refused."""
        if self.refusals:
            return 1
        return 2 if self.count(Action.UNCHANGED) < len(self.changes) else 0

    def lines(self) -> list[str]:
        """Return the plan for people: a line with a sign for each object, its details, and the counts at the end."""
        counts = (
            f"{self.count(Action.CREATE)} to create, {self.count(Action.CHANGE)} to change, "
            f"{self.count(Action.UNCHANGED)} unchanged, {len(self.refusals)} refused"
        )
        lines = [line for change in self.changes for line in change.lines()]
        return [*lines, f"Plan of {self.pipeline} on {self.target}: {counts}."]

    def document(self) -> dict[str, Any]:
        """Return the plan for machines, as values of JSON."""
        return {
            "pipeline": self.pipeline,
            "target": self.target,
            "exit_status": self.exit_status,
            "counts": {action.value: self.count(action) for action in Action},
            "changes": [change.document() for change in self.changes],
        }

    def without(self, secrets: Iterable[str]) -> Plan:
        """Return the plan with the values of these secrets hidden, wherever they are, such as in a diff."""
        values = sorted(filter(None, set(secrets)), key=len, reverse=True)

        def hidden(text: str) -> str:
            for value in values:
                text = text.replace(value, HIDDEN)
            return text

        changes = (
            replace(change, summary=hidden(change.summary), details=tuple(map(hidden, change.details)))
            for change in self.changes
        )
        return replace(self, changes=tuple(changes))
