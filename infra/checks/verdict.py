"""The verdict on rows that differ at the deadline; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.checks.compare import Difference
from infra.checks.expected import Key, Table
from infra.errors import CheckFailedError, InconclusiveError

SHOWN_DIFFERENCES = 5


@dataclass
class Stability:
    """The time of the last change of each expected row; `since` has only rows that have changed."""

    values: dict[str, Table] = field(default_factory=dict)
    since: dict[tuple[str, Key], float] = field(default_factory=dict)

    def observe(self, expected: dict[str, Table], now: float) -> None:
        """Record a recomputation at the time `now` (seconds)."""
        if self.values:
            for topic, table in expected.items():
                before = self.values[topic]
                for key in before.keys() | table.keys():
                    if before.get(key) != table.get(key):
                        self.since[topic, key] = now
        self.values = expected

    def settled(self, difference: Difference, begun: float, now: float, seconds: float) -> bool:
        """Return whether the row's expected value has not changed for `seconds`; observation started at `begun`."""
        return now - self.since.get((difference.topic, difference.key), begun) >= seconds


def verdict(
    differences: list[Difference], settled: list[Difference], dead: list[str], situation: str, seconds: float
) -> CheckFailedError | InconclusiveError:
    """Return the error for rows that cannot catch up (dead jobs), settled rows that differ, or only changing rows."""
    if dead:
        head = f"{_rows(differences)}, and these jobs cannot catch up: {', '.join(dead)}. Deploy the pipeline."
    elif settled:
        head = f"after {seconds:.0f} s, {_rows(settled)} although their source has not changed:"
    else:
        return InconclusiveError(
            f"inconclusive: the source kept changing for {seconds:.0f} s, and the only rows that differ "
            f"({len(differences)}) have just changed. Check again when there are fewer changes. {situation}"
        )
    shown = [*(settled or differences)[:SHOWN_DIFFERENCES]]
    return CheckFailedError("\n".join([head, *(f"  {difference}" for difference in shown), situation]))


def _rows(differences: list[Difference]) -> str:
    return "1 row differs" if len(differences) == 1 else f"{len(differences)} rows differ"
