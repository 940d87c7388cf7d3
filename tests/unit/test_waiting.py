"""Waiting for a condition: its end, its errors, and the message of a timeout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.errors import JobFailedError, UnreachableError, WaitTimeoutError
from infra.waiting import wait_until


def test_first_value_is_returned_even_if_it_is_empty() -> None:
    answers: Iterator[str | None] = iter([None, "", "later"])

    assert wait_until(lambda: next(answers), "an answer", timeout_seconds=60, poll_seconds=0) == ""


def test_false_counts_as_not_yet() -> None:
    answers = iter([False, False, True])

    assert wait_until(lambda: next(answers), "an answer", timeout_seconds=60, poll_seconds=0) is True


def test_condition_is_checked_at_least_once() -> None:
    assert wait_until(lambda: 1, "an answer", timeout_seconds=0) == 1


def test_transient_error_counts_as_not_yet_and_is_in_the_message() -> None:
    def unreachable() -> bool:
        raise UnreachableError("cannot reach it")

    with pytest.raises(WaitTimeoutError) as caught:
        wait_until(unreachable, "an answer", timeout_seconds=0)

    assert str(caught.value) == "waited 0 s for an answer; last seen: cannot reach it"


def test_timeout_names_the_condition_and_the_hint() -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        wait_until(lambda: None, "the moon", timeout_seconds=0.01, poll_seconds=0, hint=lambda: "(look up)")

    assert str(caught.value) == "waited 0 s for the moon; last seen: nothing yet (look up)"


def test_terminal_error_ends_the_wait_at_once() -> None:
    def failed() -> bool:
        raise JobFailedError("it failed")

    with pytest.raises(JobFailedError, match=r"^it failed$"):
        wait_until(failed, "an answer", timeout_seconds=3600)
