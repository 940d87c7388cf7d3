"""Recovery: the time until results follow the table again after the TaskManager was killed under load.

While another connection changes rows, the TaskManager gets SIGKILL, and then a change is committed. The part measures
when every task of both jobs runs again, by the cluster's own timestamps, and when that change is in the top three.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from infra.bench.load import LoadedTable, changing_rows
from infra.bench.probe import top_three_probe
from infra.bench.sizes import Sizes
from infra.bench.stack import say
from infra.errors import SetupError, UnreachableError
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.waiting import wait_until

KILLED = "flink-taskmanager"
RECOVERY_SECONDS = 300


@dataclass(frozen=True)
class Recovery:
    """Seconds from the kill: until every task of both jobs ran again, and until a later change was in the top three.

    `rows` is the number of rows of state, `load_rate` the changes per second.
    """

    running: float
    first_result: float
    rows: int
    load_rate: float

    def __str__(self) -> str:
        return f"jobs running after {self.running:.1f} s, first result after {self.first_result:.1f} s"


def measure_recovery(settings: Settings, pipeline: Pipeline, sizes: Sizes, loaded: LoadedTable) -> Recovery:
    """Kill the TaskManager once under load; CheckFailedError if results are wrong afterwards."""
    jobs = [f"{pipeline.name}.{job}" for job in pipeline.jobs]
    with loaded.used():
        with changing_rows(settings, loaded.rows) as rate, top_three_probe(settings, pipeline) as probe:
            time.sleep(sizes.recovery_load_seconds)  # changes before, between and after the checkpoints
            killed_at, killed = time.time(), time.perf_counter()
            _kill_taskmanager(settings)
            probe.commit_change()
            local_stack.up(settings, lambda _: None)
            first_result = probe.await_result(RECOVERY_SECONDS) - killed
            running_at = wait_until(
                lambda: running_since([_run(settings, job) for job in jobs], killed_at),
                "every task of both jobs to run again",
                RECOVERY_SECONDS,
            )
            time.sleep(sizes.recovery_load_seconds)
            found = Recovery(running_at - killed_at, first_result, loaded.rows, rate())
        say(f"recovery with {found.rows:,} rows at {found.load_rate:,.0f} changes/s: {found}")
    return found


def running_since(
    runs: Iterable[tuple[Mapping[str, Any], Iterable[Mapping[str, Any]]]], killed_at: float
) -> float | None:
    """Return the time at which the last task of all jobs began to run after the kill; None if one does not run yet.

    Each run has the responses of Flink's REST API for a job and for the times of the subtasks of its vertices.
    """
    moments: list[int] = []
    for job, vertices in runs:
        times = [subtask["timestamps"].get("RUNNING", 0) for vertex in vertices for subtask in vertex["subtasks"]]
        if job["state"] != "RUNNING" or not times or min(job["timestamps"]["RUNNING"], *times) <= killed_at * 1000:
            return None
        moments += times
    return max(moments) / 1000


def _run(settings: Settings, job: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the cluster reports of a job and of its vertices; UnreachableError if it does not answer."""
    url = f"{local_stack.flink_endpoint(settings)}/jobs/{local_target(settings).status(job).job_id}"
    try:
        found = _get(url)
        return found, [_get(f"{url}/vertices/{vertex['id']}/subtasktimes") for vertex in found["vertices"]]
    except httpx.HTTPError as error:
        raise UnreachableError(f"{url}: {error}. Check the log of the JobManager.") from None


def _get(url: str) -> dict[str, Any]:
    answer = httpx.get(url, timeout=10, trust_env=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _kill_taskmanager(settings: Settings) -> None:
    [pid] = [service.pid for service in local_stack.status(settings) if service.name == KILLED]
    if pid is None:
        raise SetupError(f"{KILLED} does not run, so it cannot be killed. Check its log.")
    psutil.Process(pid).kill()
