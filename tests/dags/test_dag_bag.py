"""The DAGs of the shipped pipelines: every edge, param and asset."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest
from airflow.timetables.interval import CronDataIntervalTimetable

from infra.orchestration.failures import PlatformRetryPolicy
from infra.pipeline import load_pipeline
from infra.settings import ROOT, DeploymentSettings
from infra.targets.registry import TARGETS

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

DEPLOY_EDGES = {
    ("plan_deployment", "wait_for_other_runs"),
    ("wait_for_other_runs", "preflight_capacity"),
    *(("preflight_capacity", after) for after in ("provision_topics", "seed_mysql", "create_configmaps")),
    ("seed_mysql", "preflight_cdc"),
    *((before, "submit_players_cdc") for before in ("provision_topics", "preflight_cdc", "create_configmaps")),
    *((before, "submit_analytics") for before in ("provision_topics", "preflight_cdc", "create_configmaps")),
    ("submit_players_cdc", "wait_for_players_cdc"),
    ("submit_analytics", "wait_for_analytics"),
    ("wait_for_players_cdc", "submit_analytics"),
    ("wait_for_players_cdc", "check_outputs"),
    ("wait_for_analytics", "check_outputs"),
    ("check_outputs", "audit_records"),
}
RELOAD_EDGES = {
    ("only_latest_day", "wait_for_file"),
    ("wait_for_file", "wait_for_other_runs"),
    ("wait_for_other_runs", "check_jobs_running"),
    ("check_jobs_running", "seed_mysql"),
    ("seed_mysql", "check_outputs"),
    ("check_outputs", "audit_records"),
}
TOPIC_EDGES = {
    ("plan_deployment", "wait_for_other_runs"),
    ("wait_for_other_runs", "preflight_capacity"),
    *(("preflight_capacity", after) for after in ("provision_topics", "create_configmaps")),
    ("provision_topics", "publish_records"),
    *((before, "submit_record_join") for before in ("provision_topics", "publish_records", "create_configmaps")),
    *((before, "submit_analytics") for before in ("provision_topics", "publish_records", "create_configmaps")),
    ("submit_record_join", "wait_for_record_join"),
    ("submit_analytics", "wait_for_analytics"),
    ("wait_for_record_join", "submit_analytics"),
    ("wait_for_record_join", "check_outputs"),
    ("wait_for_analytics", "check_outputs"),
    ("check_outputs", "audit_records"),
}
RESULT_TOPICS = ["players", "athletes", "duplicates", "nationality_stats", "best_nationality", "top_athletes"]


@pytest.fixture(params=["olympics_deploy", "olympics_daily_reload"])
def dag(request: pytest.FixtureRequest, bag: DagBag) -> DAG:
    return bag.dags[request.param]


def edges(dag: DAG) -> set[tuple[str, str]]:
    return {(task.task_id, after) for task in dag.tasks for after in task.downstream_task_ids}


def schema(dag: DAG, name: str) -> dict[str, Any]:
    return dict(dag.params.get_param(name).schema)


def test_every_dag_file_is_imported(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert sorted(bag.dags) == [
        *(f"{pipeline}_{kind}" for pipeline in ("olympic_events", "olympics") for kind in ("daily_reload", "deploy")),
        "republish_quarantine",
    ]


def test_quarantine_of_every_pipeline_can_be_republished(bag: DagBag) -> None:
    dag = bag.dags["republish_quarantine"]

    assert schema(dag, "pipeline")["enum"] == ["olympic_events", "olympics"]
    assert {name: schema(dag, name)["type"] for name in ("filter", "mapping")} == {
        "filter": ["null", "string"],
        "mapping": ["null", "string"],
    }
    assert [task.task_id for task in dag.tasks] == ["republish_quarantine"]
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_tasks_of_deploy_have_this_order(deploy: DAG) -> None:
    assert edges(deploy) == DEPLOY_EDGES


def test_source_topic_has_publish_records_instead_of_seed_mysql(bag: DagBag) -> None:
    assert edges(bag.dags["olympic_events_deploy"]) == TOPIC_EDGES
    assert edges(bag.dags["olympic_events_daily_reload"]) == {
        ("only_latest_day", "wait_for_file"),
        ("wait_for_file", "wait_for_other_runs"),
        ("wait_for_other_runs", "check_jobs_running"),
        ("check_jobs_running", "publish_records"),
        ("publish_records", "check_outputs"),
        ("check_outputs", "audit_records"),
    }
    assert schema(bag.dags["olympic_events_deploy"], "data_file")["title"] == "Data file"


def test_tasks_of_reload_have_this_order(reload: DAG) -> None:
    assert edges(reload) == RELOAD_EDGES


def test_deploy_is_manual_and_reload_is_daily(deploy: DAG, reload: DAG) -> None:
    schedules: list[object] = [deploy.schedule, reload.schedule]
    # Not "@daily", which in Airflow 3 starts the run of a day when the day begins.
    assert schedules == [None, CronDataIntervalTimetable("0 0 * * *", timezone="UTC")]


def test_one_run_at_a_time_without_catchup(dag: DAG) -> None:
    waits = timedelta(hours=6 if dag.dag_id == "olympics_daily_reload" else 0)
    assert (dag.catchup, dag.max_active_runs, dag.dagrun_timeout) == (False, 1, timedelta(hours=1) + waits)


def test_dag_has_description_tags_and_owner(dag: DAG) -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")

    assert dag.description == pipeline.description
    assert dag.tags == {"olympics", "streaming"}
    assert {task.owner for task in dag.tasks} == {"data-platform"}
    assert str(dag.doc_md).startswith(("### Deploy olympics\n", "### Reload olympics\n"))


def test_deploy_documents_jobs_and_connections(deploy: DAG) -> None:
    lines = str(deploy.doc_md).splitlines()

    assert "- `olympics.players_cdc` writes olympics.players" in lines
    assert lines[-1] == (
        "Connections: `olympics_mysql`, `olympics_mysql_cdc`, `olympics_mysql_reader`, `olympics_kafka`."
    )


def test_every_task_has_retries_and_a_timeout(dag: DAG) -> None:
    for task in dag.tasks:
        assert (task.retries, task.retry_delay, task.max_retry_delay) == (
            2,
            timedelta(seconds=10),
            timedelta(minutes=2),
        )
        assert task.retry_exponential_backoff
        assert isinstance(task.retry_policy, PlatformRetryPolicy)
        assert task.execution_timeout == timedelta(minutes=20)


def test_every_task_is_documented(dag: DAG) -> None:
    assert [task.task_id for task in dag.tasks if not (task.doc_md or "").strip()] == []


def test_params_of_deploy(deploy: DAG) -> None:
    assert deploy.params.dump() == {
        "target": "local",
        "data_file": None,
        "allow_rejects": False,
        "allow_deletions": False,
        "adopt_table": False,
        "start_from": "latest_state",
        "plan_only": False,
    }
    assert schema(deploy, "target")["enum"] == list(TARGETS)
    assert schema(deploy, "start_from")["enum"] == ["latest_state", "scratch"]
    assert schema(deploy, "data_file")["type"] == ["null", "string"]
    assert schema(deploy, "allow_rejects")["type"] == "boolean"


def test_default_target_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.orchestration.dag_arguments import target_param

    monkeypatch.setenv("OLYMPIC_STREAMING_DEPLOYMENT_TARGET", "session")

    assert target_param().value == "session"


def test_settings_and_targets_agree() -> None:
    assert get_args(DeploymentSettings.model_fields["target"].annotation) == TARGETS


def test_params_of_reload(reload: DAG) -> None:
    assert reload.params.dump() == {
        "target": "local",
        "data_file": "data/daily/{{ ds }}.csv",
        "allow_rejects": False,
        "allow_deletions": False,
        "force": False,
    }
    assert schema(reload, "data_file")["minLength"] == 1


@pytest.mark.parametrize(
    ("name", "value"), [("target", "moon"), ("start_from", "yesterday"), ("allow_rejects", "yes"), ("plan_only", "yes")]
)
def test_invalid_param_is_rejected(deploy: DAG, name: str, value: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        deploy.params.get_param(name).resolve(value)


def test_checked_topics_are_assets(dag: DAG) -> None:
    outlets = [(asset.name, asset.uri, asset.group) for asset in dag.get_task("check_outputs").outlets]

    assert outlets == [
        (f"olympics.{topic}", f"kafka://olympics_kafka/olympics.{topic}", "olympics") for topic in RESULT_TOPICS
    ]
    assert [task.task_id for task in dag.tasks if task.outlets and task.task_id != "check_outputs"] == []


def test_deploy_and_reload_wait_for_each_other(deploy: DAG, reload: DAG) -> None:
    waits: dict[str, Any] = {dag.dag_id: dag.get_task("wait_for_other_runs") for dag in (deploy, reload)}

    assert {name: (task.op_args, task.op_kwargs) for name, task in waits.items()} == {
        "olympics_deploy": (("olympics_daily_reload",), {"gives_way": False}),
        "olympics_daily_reload": (("olympics_deploy",), {"gives_way": True}),
    }
    assert {task.mode for task in waits.values()} == {"reschedule"}


def test_tasks_of_a_job_are_one_group(deploy: DAG) -> None:
    tasks: list[Any] = deploy.tasks
    groups = {task.task_id: task.task_group.group_id for task in tasks if task.task_group.group_id}

    assert groups == {f"{verb}_{job}": job for verb in ("submit", "wait_for") for job in ("players_cdc", "analytics")}


def test_owner_has_a_link(dag: DAG) -> None:
    assert dag.owner_links == {"data-platform": "mailto:data-platform@example.com"}


def test_tasks_of_jobs_link_to_flink(deploy: DAG) -> None:
    linked = {task.task_id: [link.name for link in task.operator_extra_links] for task in deploy.tasks}

    assert {task: names for task, names in linked.items() if names} == {
        f"{verb}_{job}": ["Flink UI"] for verb in ("submit", "wait_for") for job in ("players_cdc", "analytics")
    }


def test_dag_survives_serialization(dag: DAG) -> None:
    """The scheduler and the API server read the serialized form."""
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert {(task.task_id, after) for task in again.tasks for after in task.downstream_task_ids} == edges(dag)
    assert {task.task_id: [link.name for link in task.operator_extra_links] for task in again.tasks} == {
        task.task_id: [link.name for link in task.operator_extra_links] for task in dag.tasks
    }
