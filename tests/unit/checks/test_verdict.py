"""The verdict on rows that differ at the deadline: settled rows must agree, rows that keep changing do not count."""

from __future__ import annotations

from infra.checks.differing import Difference, Differences
from infra.checks.outputs import CheckReport
from infra.checks.verdict import verdict
from infra.errors import CheckFailedError, InconclusiveError

SITUATION = "games.cdc is RUNNING, 3 records behind on games.players"


def difference(key: int, topic: str = "games.players") -> Difference:
    return Difference(topic, (key,), {"id": key}, None)


def differences(*keys: int, count: int | None = None) -> Differences:
    return Differences(len(keys) if count is None else count, [difference(key) for key in keys])


def test_settled_rows_that_differ_fail_and_the_first_five_are_shown() -> None:
    error = verdict(
        differences(*range(5), count=9), differences(*range(2, 7), count=7), differences(8), [], SITUATION, 180.4
    )

    assert isinstance(error, CheckFailedError)
    assert str(error).splitlines() == [
        "after 180 s, 7 rows differ although their source has not changed:",
        *(f'  games.players [{key}]: expected {{"id": {key}}}, found no row' for key in range(2, 7)),
        SITUATION,
    ]


def test_changing_rows_that_never_agreed_fail() -> None:
    error = verdict(differences(1, 2), differences(), differences(2), [], SITUATION, 180)

    assert isinstance(error, CheckFailedError)
    assert str(error).splitlines() == [
        (
            "after 180 s, 1 row differs from at least 3 snapshots of a changing source, without getting to the "
            "expected values:"
        ),
        '  games.players [2]: expected {"id": 2}, found no row',
        SITUATION,
    ]


def test_only_changing_rows_that_differ_are_inconclusive() -> None:
    error = verdict(differences(1, 2), differences(), differences(), [], SITUATION, 180)

    assert isinstance(error, InconclusiveError)
    assert str(error) == (
        "inconclusive: the source kept changing for 180 s, and 2 rows differ, but may only be late. "
        f"Run the task again when there are fewer changes. {SITUATION}"
    )


def test_dead_jobs_fail_even_if_no_row_has_settled() -> None:
    error = verdict(
        differences(1), differences(), differences(), ["games.cdc is FAILED", "games.totals is MISSING"], SITUATION, 2
    )

    assert isinstance(error, CheckFailedError)
    assert str(error).splitlines() == [
        (
            "1 row differs, and these jobs cannot catch up: games.cdc is FAILED, games.totals is MISSING. "
            "Deploy the pipeline."
        ),
        '  games.players [1]: expected {"id": 1}, found no row',
        SITUATION,
    ]


def test_report_shows_rows_by_topic() -> None:
    report = CheckReport({"games.players": 5, "games.totals": 2}, records=9, seconds=1.25)

    assert str(report) == "agreed after 1.2 s: 7 rows (games.players 5, games.totals 2)"
