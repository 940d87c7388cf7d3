"""Progress: when it is reported, and what a line says."""

from __future__ import annotations

import threading

import pytest

from infra.progress import Progress, duration, heartbeat


class Clock:
    """A clock that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_short_work_reports_nothing(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "loading", clock=clock)
    clock.now += 4.9
    progress.update(1_000)

    assert lines == []


def test_at_most_one_report_every_five_seconds(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "loading", clock=clock)
    for second in range(1, 17):
        clock.now += 1
        progress.update(second * 1_000)

    assert lines == [f"loading: {done},000 rows, 1,000 rows/s" for done in (5, 10, 15)]


def test_late_report_does_not_cause_a_burst(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "loading", clock=clock)
    for seconds in (60, 1, 3.9, 0.2):
        clock.now += seconds
        progress.update(600)

    assert len(lines) == 2


def test_percentage_and_rest_follow_the_position(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "loading data.csv", total=4_000_000, clock=clock)
    clock.now += 10
    progress.update(250_000, position=1_000_000)

    assert lines == ["loading data.csv: 250,000 rows (25 %), 25,000 rows/s, 30 s left"]


def test_position_is_the_number_done_by_default(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "sending", unit="records", total=1_000, clock=clock)
    clock.now += 5
    progress.update(500)

    assert lines == ["sending: 500 records (50 %), 100 records/s, 5 s left"]


def test_nothing_done_yet(clock: Clock) -> None:
    lines: list[str] = []
    progress = Progress(lines.append, "loading", total=10, clock=clock)
    clock.now += 5
    progress.update(0)

    assert lines == ["loading: 0 rows (0 %), 0 rows/s"]


def test_more_than_the_total_is_all_of_it(clock: Clock) -> None:
    """A file can grow while it is read."""
    lines: list[str] = []
    progress = Progress(lines.append, "loading", total=10, clock=clock)
    clock.now += 5
    progress.update(20)

    assert lines == ["loading: 20 rows (100 %), 4 rows/s, 0 s left"]


def test_heartbeat_reports_until_the_block_ends() -> None:
    lines: list[str] = []
    twice = threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            twice.set()

    with heartbeat(report, "comparing", seconds=0.01):
        assert twice.wait(30)

    assert set(lines) == {"comparing: running for 0 s"}
    assert not any(thread.name == "heartbeat: comparing" for thread in threading.enumerate())


def test_heartbeat_ends_with_an_error_of_the_block() -> None:
    with pytest.raises(ValueError, match="broken"), heartbeat(lambda _: None, "comparing", seconds=60):
        raise ValueError("broken")

    assert not any(thread.name == "heartbeat: comparing" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"), (7530, "2 h 5 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
