"""Waiting for a condition: what ends it, and what is said when nothing does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.errors import JobFailedError, UnreachableError, WaitTimeoutError
from infra.waiting import wait_until


def test_first_value_is_returned_though_it_is_empty() -> None:
    answers: Iterator[str | None] = iter([None, "", "later"])

    assert wait_until(lambda: next(answers), "an answer", timeout_seconds=60, poll_seconds=0) == ""


def test_false_is_not_yet() -> None:
    answers = iter([False, False, True])

    assert wait_until(lambda: next(answers), "an answer", timeout_seconds=60, poll_seconds=0) is True


def test_condition_is_asked_once_at_least() -> None:
    assert wait_until(lambda: 1, "an answer", timeout_seconds=0) == 1


def test_transient_error_is_not_yet_and_is_what_was_seen_last() -> None:
    def unreachable() -> bool:
        raise UnreachableError("cannot reach it")

    with pytest.raises(WaitTimeoutError) as caught:
        wait_until(unreachable, "an answer", timeout_seconds=0)

    assert str(caught.value) == "waited 0 s for an answer; last seen: cannot reach it"


def test_timeout_says_what_was_expected_and_gives_the_hint() -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        wait_until(lambda: None, "the moon", timeout_seconds=0.01, poll_seconds=0, hint=lambda: "(look up)")

    assert str(caught.value) == "waited 0 s for the moon; last seen: nothing yet (look up)"


def test_terminal_error_ends_the_wait_at_once() -> None:
    def failed() -> bool:
        raise JobFailedError("it failed")

    with pytest.raises(JobFailedError, match=r"^it failed$"):
        wait_until(failed, "an answer", timeout_seconds=3600)
