"""The param `plan_only`: the first task of a deployment reports the plan, and skips every other one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.python import ShortCircuitOperator

from infra.errors import TerminalError, UnreachableError
from infra.orchestration import tasks
from infra.orchestration.plan import raise_refusals
from infra.plan import Action, Plan, PlannedChange
from infra.settings import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

FOLDER = str(ROOT / "flink_jobs" / "olympic_events")


def use_params(monkeypatch: pytest.MonkeyPatch, **params: Any) -> None:
    run = {"params": {"target": "session", "start_from": "latest_state", "allow_rejects": False, **params}}
    monkeypatch.setattr(tasks, "get_current_context", lambda: run)


@pytest.mark.parametrize("dag_id", ["olympics_deploy", "olympic_events_deploy"])
def test_plan_is_the_first_task_and_skips_every_other_one(bag: DagBag, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    plan: Any = dag.get_task("plan_deployment")

    assert isinstance(plan, ShortCircuitOperator)
    assert plan.ignore_downstream_trigger_rules, "so that a trigger rule cannot start a task after a plan"
    assert {task.task_id for task in plan.get_flat_relatives(upstream=False)} | {"plan_deployment"} == set(dag.task_ids)


def test_run_without_plan_only_goes_on_and_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    use_params(monkeypatch, plan_only=False)

    assert tasks.plan_deployment.function("no such folder", "") is True


def test_system_that_does_not_answer_is_an_error_and_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    use_params(monkeypatch, plan_only=True)
    servers = {"bootstrap.servers": "127.0.0.1:1"}
    monkeypatch.setenv("AIRFLOW_CONN_OLYMPIC_EVENTS_KAFKA", json.dumps({"conn_type": "kafka", "extra": servers}))

    with pytest.raises(UnreachableError, match=r"^cannot reach kafka://127\.0\.0\.1:1: "):
        tasks.plan_deployment.function(FOLDER, "")


def test_refusals_fail_the_run_with_their_own_messages() -> None:
    changes = (
        PlannedChange("topic", "games.players", Action.REFUSE, "topic games.players: has 2 partitions."),
        PlannedChange("topic", "games.teams", Action.CREATE, "partitions 2"),
        PlannedChange("source", "games", Action.REFUSE, "failed checks: 1", ("  - log_bin is OFF.",)),
    )

    with pytest.raises(TerminalError) as caught:
        raise_refusals(Plan("games", "session", changes))

    assert str(caught.value).splitlines() == [
        "a deployment of games would be refused:",
        "topic games.players: has 2 partitions.",
        "failed checks: 1",
        "  - log_bin is OFF.",
    ]
    raise_refusals(Plan("games", "session", changes[1:2]))
