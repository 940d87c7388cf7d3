"""The verdict on rows that differ at the deadline; pure."""

from __future__ import annotations

from infra.checks.compare import Differences
from infra.errors import CheckFailedError, InconclusiveError


def verdict(
    differing: Differences, settled: Differences, dead: list[str], situation: str, seconds: float
) -> CheckFailedError | InconclusiveError:
    """Return the error for rows that cannot catch up (dead jobs), settled rows that differ, or only changing rows."""
    if dead:
        head = f"{_rows(differing)}, and these jobs cannot catch up: {', '.join(dead)}. Deploy the pipeline."
    elif settled.count:
        head = f"after {seconds:.0f} s, {_rows(settled)} although their source has not changed:"
    else:
        return InconclusiveError(
            f"inconclusive: the source kept changing for {seconds:.0f} s, and the only rows that differ "
            f"({differing.count}) have just changed. Check again when there are fewer changes. {situation}"
        )
    shown = (settled if settled.count else differing).first
    return CheckFailedError("\n".join([head, *(f"  {difference}" for difference in shown), situation]))


def _rows(differences: Differences) -> str:
    return "1 row differs" if differences.count == 1 else f"{differences.count} rows differ"
