"""A whole run: `make run` from nothing with a large data file, and the same two jobs by hand.

By hand means: start the services, create the topics, load the file, `flink run` twice, and wait until the last result
stops growing. Both begin without a data directory, and the results of both are compared row by row.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from rich.console import Console

from infra.bench.memory import MemoryWatch, descendant_of, split_family
from infra.bench.stack import measured_pipeline, prepare, private_stack, render, say, write_data_file
from infra.bench.tables import await_quiet, verify_table
from infra.cli.deployment import run_pipeline
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target

RESULTS_SECONDS = 3_600
CHECK_TASKS = ("check_outputs", "audit_records")


_TASK_LINE = re.compile(r"^(?P<time>\S+Z) .*\[DAG TEST\] (?P<edge>starting|end task) task_id=(?P<task>\w+)")


@dataclass(frozen=True)
class Span:
    """One execution of a task, in seconds since the epoch; a deferred task has several."""

    task: str
    begin: float
    end: float

    def after(self, moment: float) -> float:
        """Return the seconds of the execution that are after a moment."""
        return max(self.end - max(self.begin, moment), 0)


@dataclass(frozen=True)
class WholeRun:
    """The times in seconds of a run of `rows`; `tasks` are those of the DAG.

    `by_hand` and its `parts` are None and empty if only the DAG was run.

    `check_seconds` is the time of the tasks that check the results, without their wait for the last result. `peak_mb`
    is the peak of resident memory by service: "dag" is `airflow dags test` with its Python processes, and "flink run"
    the clients that it starts to submit the jobs.
    """

    rows: int
    by_hand: float | None
    parts: dict[str, float]
    run: float
    tasks: dict[str, float]
    check_seconds: float
    peak_mb: dict[str, int]


def spans_of(log: Iterable[str]) -> list[Span]:
    """Return the executions of the tasks in the output of `airflow dags test`."""
    begun: dict[str, float] = {}
    spans = []
    for line in log:
        found = _TASK_LINE.match(line)
        if found is None:
            continue
        moment = datetime.fromisoformat(found["time"]).timestamp()
        if found["edge"] == "starting":
            begun[found["task"]] = moment
        elif found["task"] in begun:
            spans.append(Span(found["task"], begun.pop(found["task"]), moment))
    return spans


def task_seconds(spans: Iterable[Span]) -> dict[str, float]:
    """Return the time of each task, the sum of its executions."""
    found: dict[str, float] = {}
    for span in spans:
        found[span.task] = found.get(span.task, 0) + span.after(0)
    return found


def measure_whole_run(rows: int, scratch: Path, by_hand: bool = True) -> WholeRun:
    """Measure both, one after the other, each on a stack of its own; CheckFailedError if results are wrong.

    Without `by_hand`, only the DAG is run.
    """
    pipeline, scratch = measured_pipeline(), scratch / f"run-{rows}"
    scratch.mkdir()
    data = scratch / "players.csv"
    write_data_file(data, rows)
    parts: dict[str, float] = {}
    if by_hand:
        with private_stack(scratch / "hand", start=False) as settings:
            parts = _by_hand(settings, pipeline, data, scratch)
        say(f"by hand, {rows:,} rows: {sum(parts.values()):.1f} s")
    with private_stack(scratch / "dag", start=False) as settings, (scratch / "run.log").open("w") as output:
        with MemoryWatch(lambda: _processes(settings)) as memory:
            begun = time.monotonic()
            conf = {"target": "local", "data_file": str(data), "allow_rejects": False, "start_from": "latest_state"}
            run_pipeline(settings, pipeline.name, conf, Console(file=output))
            seconds = time.monotonic() - begun
        log = settings.data_dir / "logs" / f"{pipeline.name}_deploy.log"
        spans = spans_of(log.read_text(encoding="utf-8").splitlines())
        last_result = verify_table(settings, pipeline, scratch)
    checks = sum(span.after(last_result) for span in spans if span.task in CHECK_TASKS)
    say(f"make run, {rows:,} rows: {seconds:.1f} s, checks {checks:.1f} s after the last result")
    hand = sum(parts.values()) if by_hand else None
    return WholeRun(rows, hand, parts, seconds, task_seconds(spans), checks, memory.peak_mb)


def _by_hand(settings: Settings, pipeline: Pipeline, data: Path, scratch: Path) -> dict[str, float]:
    times = [time.time()]
    local_stack.up(settings, say)
    times.append(time.time())
    prepare(settings, pipeline, data)
    times.append(time.time())
    for job in pipeline.jobs:
        ensure_started_from_scratch(local_target(settings), render(settings, pipeline, job))
    times.append(time.time())
    await_quiet(settings, pipeline, RESULTS_SECONDS)
    times.append(max(verify_table(settings, pipeline, scratch), times[-1]))
    names = ("services", "topics and table", "flink run", "results")
    return {name: end - begin for name, begin, end in zip(names, times, times[1:], strict=False)}


def _processes(settings: Settings) -> Mapping[str, Iterable[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = {}
    if dag := descendant_of(os.getpid(), "dags", "test"):
        found["dag"], found["flink run"] = split_family(dag)
    if (settings.data_dir / "run").is_dir():
        for service in local_stack.status(settings):
            if service.pid and psutil.pid_exists(service.pid):
                process = psutil.Process(service.pid)
                found[service.name] = [process, *process.children(recursive=True)]
    return found
