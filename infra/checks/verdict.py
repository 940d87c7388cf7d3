"""What to say of rows that differ at the deadline; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.checks.compare import Difference
from infra.checks.expected import Key, Table
from infra.errors import CheckFailedError, InconclusiveError

SHOWN_DIFFERENCES = 5


@dataclass
class Stability:
    """Since when the expected value of each row has stood still."""

    values: dict[str, Table] = field(default_factory=dict)
    since: dict[tuple[str, Key], float] = field(default_factory=dict)

    def observe(self, expected: dict[str, Table], now: float) -> None:
        """Takes a recomputation of the moment `now` (seconds)."""
        if self.values:
            for topic, table in expected.items():
                before = self.values[topic]
                for key in before.keys() | table.keys():
                    if before.get(key) != table.get(key):
                        self.since[topic, key] = now
        self.values = expected

    def settled(self, difference: Difference, begun: float, now: float, seconds: float) -> bool:
        """Whether the row's expected value has stood still for `seconds`, as far as is known since `begun`."""
        return now - self.since.get((difference.topic, difference.key), begun) >= seconds


def verdict(
    differences: list[Difference], settled: list[Difference], dead: list[str], situation: str, seconds: float
) -> CheckFailedError | InconclusiveError:
    """The error that says it: rows that will not catch up, rows that should have, or only rows that move."""
    if dead:
        head = f"{_rows(differences)}, and this will not change: {'; '.join(dead)}. Deploy the pipeline"
    elif settled:
        head = f"after {seconds:.0f} s {_rows(settled)} though the source has stood still there"
    else:
        return InconclusiveError(
            f"inconclusive: the source kept changing for {seconds:.0f} s, and the only rows that differ "
            f"({len(differences)}) are ones that changed just now; check again when there are fewer changes. "
            f"{situation}"
        )
    shown = [*(settled or differences)[:SHOWN_DIFFERENCES]]
    return CheckFailedError("\n".join([head, *(f"  {difference}" for difference in shown), situation]))


def _rows(differences: list[Difference]) -> str:
    return "1 row differs" if len(differences) == 1 else f"{len(differences)} rows differ"
