"""infra/bench/recovery.py: a job counts as running again only if all of its tasks have started after the kill."""

from __future__ import annotations

from typing import Any

import pytest

from infra.bench.recovery import running_since

KILLED_AT = 100.0
RUNNING = {"state": "RUNNING", "timestamps": {"RUNNING": 107_000}}


def vertex(*running: int) -> dict[str, Any]:
    return {"subtasks": [{"timestamps": {"RUNNING": moment}} for moment in running]}


def test_last_task_of_all_jobs_counts() -> None:
    first, second = (RUNNING, [vertex(108_000, 109_500), vertex(108_500)]), (RUNNING, [vertex(109_000)])

    assert running_since([first, second], KILLED_AT) == 109.5


@pytest.mark.parametrize(
    ("job", "vertices"),
    [
        ({**RUNNING, "state": "RESTARTING"}, [vertex(108_000)]),
        ({**RUNNING, "timestamps": {"RUNNING": 50_000}}, [vertex(51_000)]),  # the kill was not noticed yet
        (RUNNING, [vertex(108_000, 0)]),  # a task still restores its state
        (RUNNING, [vertex(108_000, 99_000)]),
        (RUNNING, []),
    ],
)
def test_job_that_does_not_run_again(job: dict[str, Any], vertices: list[dict[str, Any]]) -> None:
    assert running_since([(RUNNING, [vertex(108_000)]), (job, vertices)], KILLED_AT) is None
