"""The verdict on rows that differ at the deadline: settled rows must agree, rows that keep changing do not count."""

from __future__ import annotations

from infra.checks.compare import Difference
from infra.checks.outputs import CheckReport
from infra.checks.verdict import Stability, verdict
from infra.errors import CheckFailedError, InconclusiveError

SITUATION = "games.cdc is RUNNING, 3 records behind on games.players"


def difference(key: int, topic: str = "games.players") -> Difference:
    return Difference(topic, (key,), {"id": key}, None)


def observed(*moments: tuple[float, dict[str, dict[tuple[int], dict[str, object]]]]) -> Stability:
    stability = Stability()
    for now, expected in moments:
        stability.observe({topic: {**table} for topic, table in expected.items()}, now)
    return stability


def test_row_that_never_changed_is_settled_from_the_beginning() -> None:
    stability = observed((100, {"games.players": {(1,): {"score": 1}}}))

    assert stability.settled(difference(1), begun=100, now=115, seconds=15)
    assert not stability.settled(difference(1), begun=100, now=114.9, seconds=15)


def test_row_is_settled_from_its_last_change_on() -> None:
    stability = observed(
        (100, {"games.players": {(1,): {"score": 1}, (2,): {"score": 1}}}),
        (110, {"games.players": {(1,): {"score": 2}, (2,): {"score": 1}}}),
        (120, {"games.players": {(1,): {"score": 2}, (2,): {"score": 1}}}),
    )

    assert not stability.settled(difference(1), begun=100, now=124, seconds=15)
    assert stability.settled(difference(1), begun=100, now=125, seconds=15)
    assert stability.settled(difference(2), begun=100, now=124, seconds=15)


def test_inserted_and_deleted_rows_are_changes() -> None:
    stability = observed(
        (100, {"games.players": {(1,): {"score": 1}}}),
        (110, {"games.players": {(2,): {"score": 1}}}),
    )

    assert stability.since == {("games.players", (1,)): 110, ("games.players", (2,)): 110}


def test_a_row_of_another_topic_is_another_row() -> None:
    stability = observed(
        (100, {"a": {(1,): {"score": 1}}, "b": {(1,): {"score": 1}}}),
        (110, {"a": {(1,): {"score": 2}}, "b": {(1,): {"score": 1}}}),
    )

    assert not stability.settled(difference(1, "a"), begun=100, now=120, seconds=15)
    assert stability.settled(difference(1, "b"), begun=100, now=120, seconds=15)


def test_settled_rows_that_differ_fail_and_the_first_five_are_shown() -> None:
    differing = [difference(key) for key in range(9)]

    error = verdict(differing, differing[2:], [], SITUATION, 180.4)

    assert isinstance(error, CheckFailedError)
    assert str(error).splitlines() == [
        "after 180 s, 7 rows differ although their source has not changed:",
        *(f'  games.players [{key}]: expected {{"id": {key}}}, found no row' for key in range(2, 7)),
        SITUATION,
    ]


def test_only_changing_rows_that_differ_are_inconclusive() -> None:
    error = verdict([difference(1), difference(2)], [], [], SITUATION, 180)

    assert isinstance(error, InconclusiveError)
    assert str(error) == (
        "inconclusive: the source kept changing for 180 s, and the only rows that differ (2) have just changed. "
        f"Check again when there are fewer changes. {SITUATION}"
    )


def test_dead_jobs_fail_even_if_no_row_has_settled() -> None:
    error = verdict([difference(1)], [], ["games.cdc is FAILED", "games.totals is MISSING"], SITUATION, 2)

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
