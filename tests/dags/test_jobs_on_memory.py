"""Operators, trigger and tasks of a DAG that submit a job and wait for it, on the target `memory`."""

from __future__ import annotations

import asyncio
import importlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger

from infra.errors import (
    JobFailedError,
    JobMemoryError,
    PlatformError,
    SettingsError,
    StateMismatchError,
    UnreachableError,
    WaitTimeoutError,
)
from infra.jobs.job import JobState, JobStatus
from infra.orchestration import tasks, triggers
from infra.orchestration.operators import SubmitJobOperator, WaitForJobOperator
from infra.orchestration.triggers import JobHealthTrigger, raise_failure
from infra.pipeline.naming import TASK_LOGGER
from infra.settings import ROOT
from infra.targets import registry
from infra.targets.memory import MemoryTarget

FOLDER = ROOT / "flink_jobs" / "olympics"
CDC = "olympics.players_cdc"
URL = "http://flink/#/job/run-1"


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> MemoryTarget:
    """The target `memory`, available to DAG runs, with the connections of the pipeline."""
    memory = MemoryTarget()
    monkeypatch.setitem(registry.FACTORIES, "memory", lambda *_: memory)
    mysql = {"conn_type": "mysql", "host": "db", "login": "olympics_cdc", "password": "swordfish"}
    monkeypatch.setenv("AIRFLOW_CONN_OLYMPICS_MYSQL_CDC", json.dumps(mysql))
    monkeypatch.setenv("AIRFLOW_CONN_OLYMPICS_KAFKA", json.dumps({"conn_type": "kafka", "host": "broker"}))
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"params": {"target": "memory"}})
    return memory


class RecordedXComs:
    """The one method of a task instance that the operators use outside a run."""

    def __init__(self) -> None:
        self.pushed: dict[str, str] = {}

    def xcom_push(self, key: str, value: str) -> None:
        self.pushed[key] = value


def a_context() -> Any:
    return {"ti": RecordedXComs()}


def submit(job: str = "players_cdc") -> tuple[SubmitJobOperator, dict[str, Any]]:
    operator = SubmitJobOperator(
        task_id=f"submit_{job}", folder=str(FOLDER), job=job, target="memory", start_from="latest_state"
    )
    return operator, operator.execute(a_context())


def deployed() -> str:
    """Store all job scripts, start one job, and return its revision."""
    tasks.create_configmaps.function(str(FOLDER))
    return str(submit()[1]["revision"])


def wait_operator(revision: str) -> WaitForJobOperator:
    return WaitForJobOperator(
        task_id="wait_for_players_cdc", job_name=CDC, revision=revision, target="memory", timeout=timedelta(minutes=1)
    )


def events_of(trigger: BaseTrigger) -> list[dict[str, Any]]:
    async def collect() -> list[dict[str, Any]]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def trigger_for(revision: str, seconds: float = 0, target: str = "memory") -> JobHealthTrigger:
    return JobHealthTrigger(target, CDC, revision, seconds)


def test_submit_reports_its_change_and_a_second_submit_changes_nothing(target: MemoryTarget) -> None:
    staged = tasks.create_configmaps.function(str(FOLDER))
    _, first = submit()
    _, second = submit()

    revision = target.status(CDC).revision
    assert staged[0] == f"olympics.players_cdc revision {revision}: created"
    assert tasks.create_configmaps.function(str(FOLDER))[0] == f"olympics.players_cdc revision {revision}: unchanged"
    assert first == {"revision": revision, "url": None, "change": "created"}
    assert second == {**first, "change": "unchanged"}


def test_submit_without_scripts_fails_for_good(target: MemoryTarget) -> None:
    with pytest.raises(JobFailedError, match=r"^olympics\.players_cdc could not be submitted: "):
        submit()


def test_submit_links_to_the_job(target: MemoryTarget) -> None:
    deployed()
    target.show(CDC, url=URL)

    operator, _ = submit()

    [link] = operator.operator_extra_links
    assert link.get_link(operator, ti_key=None) == URL


def test_link_is_empty_until_it_is_published(target: MemoryTarget) -> None:
    operator = wait_operator("abc")

    [link] = operator.operator_extra_links
    assert link.get_link(operator, ti_key=None) == ""


def test_wait_defers_at_once_and_finishes_with_the_event_of_the_trigger(target: MemoryTarget) -> None:
    revision = deployed()
    target.show(CDC, url=URL)
    operator = wait_operator(revision)

    context = a_context()

    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    link_while_waiting = dict(context["ti"].pushed)
    [event] = events_of(deferred.value.trigger)
    operator.finish(context, event)

    assert deferred.value.method_name == "finish"
    assert link_while_waiting == {"_link_FlinkJobLink": URL}
    assert event == {"detail": f"{CDC} revision {revision}, job run-1", "url": URL}
    assert operator.operator_extra_links[0].get_link(operator, ti_key=None) == URL


def test_wait_fails_for_good_when_the_job_has_failed(target: MemoryTarget) -> None:
    revision = deployed()
    target.fail(CDC, "java.io.IOException: boom")

    [event] = events_of(trigger_for(revision, seconds=60))

    with pytest.raises(JobFailedError) as caught:
        wait_operator(revision).finish(a_context(), event)
    assert str(caught.value) == f"{CDC} is FAILED: java.io.IOException: boom"


def test_wait_shows_the_log_of_a_job_that_failed(target: MemoryTarget, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", TASK_LOGGER)
    revision = deployed()
    target.fail(CDC, "java.io.IOException: boom")
    [event] = events_of(trigger_for(revision, seconds=60))

    with pytest.raises(JobFailedError):
        wait_operator(revision).finish(a_context(), event)

    assert "wait_for_players_cdc: log: java.io.IOException: boom" in caplog.messages


def test_wait_for_a_job_without_memory_ends_at_once_and_stops_the_job(target: MemoryTarget) -> None:
    revision = deployed()
    target.show(CDC, last_checkpoint_at=0, out_of_memory="its heap was full. Raise it", last_failure="lost", url=URL)

    [event] = events_of(trigger_for(revision, seconds=60))

    with pytest.raises(JobMemoryError) as caught:
        wait_operator(revision).finish(a_context(), event)
    assert str(caught.value) == (
        f"{CDC} ran out of memory: its heap was full. Raise it (see {URL}). "
        "It was stopped, so that the other jobs keep running; its job state is kept."
    )
    assert event["logs"] == "lost"
    assert target.status(CDC).state is JobState.STOPPED


def test_trigger_of_a_missing_job_fires_at_once(target: MemoryTarget) -> None:
    assert events_of(trigger_for("abc", seconds=60)) == [
        {
            "error": "JobFailedError",
            "detail": f"{CDC} does not run: the cluster does not have such a job. Deploy the pipeline.",
            "url": None,
            "logs": f"{CDC}: no failure",
        }
    ]


def test_timeout_names_what_is_still_missing(target: MemoryTarget) -> None:
    revision = deployed()
    target.show(CDC, state=JobState.RESTARTING, last_failure="boom")

    [event] = events_of(trigger_for(revision))

    assert event == {
        "error": "WaitTimeoutError",
        "detail": f"{CDC} was not healthy after 0 s; missing: state RUNNING (it is RESTARTING after: boom)",
        "url": None,
        "logs": "boom",
    }


class Unsteady(MemoryTarget):
    """A target that does not answer the first `silent` times, and returns one status afterwards."""

    def __init__(self, silent: int, status: JobStatus) -> None:
        super().__init__()
        self.silent = silent
        self.seen = status

    def status(self, job_name: str) -> JobStatus:
        self.silent -= 1
        if self.silent >= 0:
            raise UnreachableError(f"cannot reach the cluster of {job_name}")
        return self.seen


def test_trigger_retries_a_target_that_does_not_answer(target: MemoryTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = deployed()
    unsteady = Unsteady(2, target.status(CDC))
    monkeypatch.setattr(triggers, "FIRST_POLL_SECONDS", 0)
    monkeypatch.setitem(registry.FACTORIES, "memory", lambda *_: unsteady)

    [event] = events_of(trigger_for(revision, seconds=60))

    assert event["detail"] == f"{CDC} revision {revision}, job run-1"
    assert unsteady.silent == -1


def test_timeout_without_an_answer_reports_the_cause(target: MemoryTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = Unsteady(9, target.status(CDC))
    monkeypatch.setitem(registry.FACTORIES, "memory", lambda *_: unreachable)

    [event] = events_of(trigger_for("abc"))

    assert event == {
        "error": "WaitTimeoutError",
        "detail": f"{CDC} was not healthy after 0 s; missing: cannot reach the cluster of {CDC}",
        "url": None,
        "logs": f"the log is not available: cannot reach the cluster of {CDC}",
    }


def test_trigger_for_an_unknown_target_lists_the_targets() -> None:
    assert events_of(trigger_for("abc", target="moon")) == [
        {
            "error": "SettingsError",
            "detail": 'Unknown deployment target "moon". The available targets are: local, session, kubernetes.',
            "url": None,
            "logs": "",
        }
    ]


def test_trigger_survives_serialization() -> None:
    path, arguments = trigger_for("abc", seconds=600).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))

    assert path == "infra.orchestration.triggers.JobHealthTrigger"
    assert arguments == {"target": "memory", "job_name": CDC, "revision": "abc", "timeout_seconds": 600}
    assert isinstance(again, JobHealthTrigger)
    assert again.serialize() == (path, arguments)


@pytest.mark.parametrize("error", [JobFailedError, JobMemoryError, StateMismatchError, WaitTimeoutError, SettingsError])
def test_error_of_an_event_is_raised_as_its_class(error: type[PlatformError]) -> None:
    with pytest.raises(error, match=r"^boom$") as caught:
        raise_failure({"error": error.__name__, "detail": "boom"})
    assert type(caught.value) is error


def test_reload_requires_running_jobs(target: MemoryTarget) -> None:
    revision = deployed()

    with pytest.raises(JobFailedError) as caught:
        tasks.check_jobs_running.function(str(FOLDER))
    assert str(caught.value) == (
        "olympics.analytics is MISSING. A reload does not restart jobs. Run the DAG olympics_deploy first."
    )

    submit("analytics")
    assert tasks.check_jobs_running.function(str(FOLDER)) == [
        f"olympics.players_cdc: RUNNING, revision {revision}",
        f"olympics.analytics: RUNNING, revision {target.status('olympics.analytics').revision}",
    ]


class CountedTarget(MemoryTarget):
    """A target that reports the job as healthy at the third call of `status`."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def status(self, job_name: str) -> JobStatus:
        self.calls += 1
        status = super().status(job_name)
        return status if self.calls > 2 else replace(status, state=JobState.STARTING)


def test_trigger_creates_its_target_once_and_backs_off(monkeypatch: pytest.MonkeyPatch, target: MemoryTarget) -> None:
    created: list[CountedTarget] = []
    counted = CountedTarget()
    revision = deployed()
    counted._jobs = target._jobs

    def create(*_: object) -> CountedTarget:
        created.append(counted)
        return counted

    monkeypatch.setitem(registry.FACTORIES, "memory", create)
    delays: list[float] = []
    real_sleep = asyncio.sleep

    async def recorded_sleep(delay: float) -> None:
        delays.append(delay)
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", recorded_sleep)

    [event] = events_of(trigger_for(revision, seconds=60))

    assert "error" not in event
    assert len(created) == 1
    assert delays == [triggers.FIRST_POLL_SECONDS, triggers.FIRST_POLL_SECONDS * triggers.BACK_OFF_FACTOR]
