"""When the checks compare: after the topics have stopped growing, and again after a change or a growing pause."""

from __future__ import annotations

from itertools import pairwise

import pytest

from infra.checks import rounds as rounds_module
from infra.checks.rounds import Rounds
from infra.checks.timing import FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS
from infra.checks.topic_log import TopicLog

PARTITION = ("games.players", 0)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)


class Topics(TopicLog):
    """A topic whose end offset is a function of the time."""

    def __init__(self, clock: Clock, rate: float, until: float) -> None:
        self.clock, self.rate, self.until = clock, rate, until
        self.ends = {}

    def end_offsets(self) -> dict[tuple[str, int], int]:
        return {PARTITION: int(self.rate * min(self.clock.now, self.until))}

    def refresh(self, _now: float | None = None) -> int:
        before = self.ends.get(PARTITION, 0)
        self.ends = self.end_offsets()
        return self.ends[PARTITION] - before


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rounds_module, "time", clock)
    return clock


def test_comparison_waits_until_the_topics_stand_still(clock: Clock) -> None:
    rounds = Rounds(Topics(clock, rate=100_000, until=120.0), clock.now, 180)

    rounds.await_calm()

    assert 120 <= clock.now < 121
    assert rounds.records == 12_000_000


def test_topics_that_stand_still_are_compared_at_once(clock: Clock) -> None:
    Rounds(Topics(clock, rate=100, until=50), clock.now, 180).await_calm()

    assert clock.now - 100 < 0.5


def test_source_that_always_changes_a_little_does_not_delay_the_comparison(clock: Clock) -> None:
    Rounds(Topics(clock, rate=100, until=10_000), clock.now, 180).await_calm()

    assert clock.now - 100 < 0.5


def test_dead_job_ends_the_wait(clock: Clock) -> None:
    Rounds(Topics(clock, rate=10**9, until=10**9), clock.now, 180).await_calm(lambda: ["games.cdc is FAILED"])

    assert clock.now - 100 < 3


def test_source_that_never_rests_is_compared_in_the_second_half_of_the_time(clock: Clock) -> None:
    rounds = Rounds(Topics(clock, rate=10**9, until=10**9), clock.now, 30)

    rounds.await_calm()
    assert 115 <= clock.now < 115.5

    rounds.await_calm()
    assert clock.now < 115.5


def test_growth_is_awaited_until_a_time_or_the_deadline(clock: Clock) -> None:
    growing = Rounds(Topics(clock, rate=10**9, until=10**9), clock.now, 30)
    assert growing.await_growth(clock.now + 2)
    assert not growing.await_growth(clock.now - 1)

    still = Rounds(Topics(clock, rate=0, until=0), clock.now, 30)
    assert not still.await_growth(102)
    assert 102 <= clock.now < 102.5
    assert not still.await_growth(1000)
    assert 130 <= clock.now < 130.5


def test_pauses_grow_and_a_change_ends_them(clock: Clock) -> None:
    topics = Topics(clock, rate=10, until=50)
    rounds = Rounds(topics, clock.now, 600)
    topics.refresh()

    def pause(seconds: float = 0.0) -> float:
        before = clock.now
        rounds.await_change(seconds, "1 row differs")
        return clock.now - before

    pauses = [pause() for _ in range(6)]
    assert pauses[0] == pytest.approx(FIRST_PAUSE_SECONDS, abs=0.1)
    assert all(first <= second + 0.1 for first, second in pairwise(pauses))
    assert pauses[-1] == pytest.approx(LAST_PAUSE_SECONDS, abs=0.1)
    assert pause(seconds=9.0) == pytest.approx(9.0, abs=0.1)

    topics.until = 10_000
    assert pause() < 0.1
    topics.refresh()
    topics.until = clock.now
    topics.refresh()
    assert pause() == pytest.approx(FIRST_PAUSE_SECONDS, abs=0.1)
