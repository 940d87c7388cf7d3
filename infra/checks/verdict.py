"""The verdict on rows that differ at the deadline; pure."""

from __future__ import annotations

from infra.checks.differing import CONCLUSIVE_MISSES, Differences
from infra.errors import CheckFailedError, InconclusiveError


def verdict(
    differing: Differences,
    settled: Differences,
    never_agreed: Differences,
    dead: list[str],
    situation: str,
    seconds: float,
) -> CheckFailedError | InconclusiveError:
    """Return the error for rows that cannot catch up (dead jobs), that are wrong, or that changed too fast."""
    if dead:
        head = f"{_rows(differing)}, and these jobs cannot catch up: {', '.join(dead)}. Deploy the pipeline."
        shown = settled if settled.count else differing
    elif settled.count:
        head = f"after {seconds:.0f} s, {_rows(settled)} although their source has not changed:"
        shown = settled
    elif never_agreed.count:
        head = (
            f"after {seconds:.0f} s, {_rows(never_agreed)} from at least {CONCLUSIVE_MISSES} snapshots of a changing "
            "source, without getting to the expected values:"
        )
        shown = never_agreed
    else:
        return InconclusiveError(
            f"inconclusive: the source kept changing for {seconds:.0f} s, and {_rows(differing)}, but "
            f"may only be late. Run the task again when there are fewer changes. {situation}"
        )
    return CheckFailedError("\n".join([head, *(f"  {difference}" for difference in shown.first), situation]))


def _rows(differences: Differences) -> str:
    return "1 row differs" if differences.count == 1 else f"{differences.count} rows differ"
