"""When a job counts as out of memory, from responses of Flink's REST API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.flink.rest import FlinkRest
from infra.jobs.flink_status import describe_run
from infra.jobs.job import JobStatus

RUN = {"jid": "f00", "state": "RUNNING", "start-time": 100}
LOST = "ResourceManagerException: TaskManager with id 127.0.0.1:38621-9decd5 is no longer reachable."
NO_SLOT = "NoResourceAvailableException: Could not acquire the minimum required resources."
FULL = "java.lang.RuntimeException: failed\nCaused by: java.lang.OutOfMemoryError: Java heap space\n\tat a.b(C.java:1)"
OTHER_MEMORY = "java.lang.OutOfMemoryError: Metaspace. The metaspace out-of-memory error has occurred."
ENDED = "its TaskManager ended because the heap was full. Raise it"
REPORTED = "its TaskManager reported java.lang.OutOfMemoryError: Java heap space. Raise it"


def described(*failures: tuple[int, str], checkpoint_at: int = 0, heap_full_at: int = 0) -> JobStatus:
    completed = {"latest_ack_timestamp": checkpoint_at} if checkpoint_at else None
    answers: dict[str, dict[str, Any]] = {
        "/jobs/f00/checkpoints": {"latest": {"completed": completed}},
        "/jobs/f00/exceptions": {
            "exceptionHistory": {"entries": [{"timestamp": at, "stacktrace": trace} for at, trace in failures]}
        },
    }
    rest = FlinkRest("flink", fetch=answers.get)
    return describe_run(rest, RUN, None, None, "Raise it", heap_full_at)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (described(), None),
        (described((300, LOST)), None),
        (described((300, LOST), heap_full_at=299), ENDED),
        (described((400, LOST), (300, LOST), checkpoint_at=200, heap_full_at=399), ENDED),
        (described((400, LOST), (300, LOST), heap_full_at=299), ENDED),
        (described((300, FULL)), REPORTED),
        (described((400, LOST), (300, FULL)), REPORTED),
    ],
)
def test_full_heap_is_found_in_the_failures_since_the_last_checkpoint(status: JobStatus, expected: str | None) -> None:
    assert status.out_of_memory == expected


def test_failed_job_has_the_exception_that_flink_reports_seconds_later() -> None:
    late = {"exceptionHistory": {"entries": [{"timestamp": 300, "stacktrace": "E: 1\nCaused by: F: 2"}]}}
    answers: Iterator[dict[str, Any]] = iter([{}, {}, late])

    def fetch(path: str) -> dict[str, Any] | None:
        return next(answers) if path == "/jobs/f00/exceptions" else None

    status = describe_run(FlinkRest("flink", fetch=fetch), RUN | {"state": "FAILED"}, None, None, "Raise it")

    assert status.last_failure == "F: 2"


def test_running_job_is_not_kept_waiting_for_an_exception() -> None:
    answers: Iterator[dict[str, Any]] = iter([{}])

    def fetch(path: str) -> dict[str, Any] | None:
        return next(answers) if path == "/jobs/f00/exceptions" else None

    assert describe_run(FlinkRest("flink", fetch=fetch), RUN, None, None, "Raise it").last_failure is None


def test_times_of_failures_and_checkpoints() -> None:
    answers: dict[str, dict[str, Any]] = {
        "/jobs/f00/checkpoints": {"latest": {"completed": {"latest_ack_timestamp": 350, "end_to_end_duration": 40}}},
        "/jobs/f00/checkpoints/config": {"interval": 1000},
        "/jobs/f00/exceptions": {
            "exceptionHistory": {"entries": [{"timestamp": at, "stacktrace": LOST} for at in (300, 200)]}
        },
    }

    status = describe_run(FlinkRest("flink", fetch=answers.get), RUN | {"duration": 900}, None, None, "Raise it")

    assert (status.failed_at, status.last_failure_at, status.observed_at) == ((200, 300), 300, 1000)
    assert (status.last_checkpoint_at, status.checkpoint_ms, status.checkpoint_interval_ms) == (350, 40, 1000)


@pytest.mark.parametrize(
    "status",
    [
        described((300, FULL), checkpoint_at=301),
        described((300, LOST), checkpoint_at=301, heap_full_at=299),
        described((310, NO_SLOT), (300, LOST), checkpoint_at=200, heap_full_at=299),
        described((300, LOST), heap_full_at=99),
        described((300, LOST), heap_full_at=301),
        described(heap_full_at=299),
        described((300, OTHER_MEMORY)),
    ],
    ids=[
        "recovered", "recovered from a lost TaskManager", "ran before a new job filled the heap",
        "before the submission", "failed for another reason before", "runs on another TaskManager",
        "memory with an option of its own",
    ],
)  # fmt: skip
def test_other_failures_are_not_a_full_heap(status: JobStatus) -> None:
    assert status.out_of_memory is None
