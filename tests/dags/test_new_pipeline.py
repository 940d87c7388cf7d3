"""A new pipeline requires only a new folder of flink_jobs; an invalid one does not affect the others."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.errors import DefinitionError
from infra.pipeline import load_pipeline
from infra.settings import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

UNUSED = shutil.ignore_patterns("__pycache__")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the shipped DAG files and pipelines."""
    for folder in ("dags", "flink_jobs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=UNUSED)
    return tmp_path


def add_pipeline(checkout: Path, name: str) -> Path:
    """Copy a shipped pipeline under another name, and return the path of its definition."""
    folder = checkout / "flink_jobs" / name
    shutil.copytree(ROOT / "flink_jobs" / "olympics", folder, ignore=UNUSED)
    definition = folder / "pipeline.yaml"
    definition.write_text(re.sub(r"(?m)^name: .*$", f"name: {name}", definition.read_text()))
    return definition


def bag_of(checkout: Path) -> DagBag:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(checkout / "dags")


def test_new_folder_gets_its_dags(checkout: Path) -> None:
    add_pipeline(checkout, "winter_games")

    bag = bag_of(checkout)

    assert bag.import_errors == {}
    assert sorted(bag.dags.keys() - {"republish_quarantine"}) == [
        f"{name}_{kind}"
        for name in ("olympic_events", "olympics", "winter_games")
        for kind in ("daily_reload", "deploy")
    ]
    new, old = bag.dags["winter_games_deploy"], bag.dags["olympics_deploy"]
    assert {task.task_id for task in new.tasks} == {task.task_id for task in old.tasks}
    assert {asset.group for asset in new.get_task("check_outputs").outlets} == {"winter_games"}


@pytest.mark.parametrize(
    ("shipped", "seed", "before_jobs"),
    [
        ("olympics", "    seed: {schema: schema.sql, data: data/players.csv}\n", {"preflight_cdc"}),
        ("olympic_events", "    seed: {data: data/records.jsonl, key: type}\n", set()),
    ],
)
def test_pipeline_without_a_seed_only_reads_its_source(
    checkout: Path, shipped: str, seed: str, before_jobs: set[str]
) -> None:
    definition = checkout / "flink_jobs" / shipped / "pipeline.yaml"
    assert seed in definition.read_text()
    definition.write_text(definition.read_text().replace(seed, ""))

    bag = bag_of(checkout)

    assert bag.import_errors == {}
    assert f"{shipped}_daily_reload" not in bag.dags
    dag = bag.dags[f"{shipped}_deploy"]
    assert dag.params.dump() == {"target": "local", "start_from": "latest_state", "plan_only": False}
    jobs = {name for name in dag.task_dict if name.startswith(("submit_", "wait_for_"))}
    assert dag.task_dict.keys() - jobs == {
        "plan_deployment", "preflight_capacity", "provision_topics", "create_configmaps", "check_outputs",
        "audit_records", *before_jobs,
    }  # fmt: skip
    first = next(name for name in dag.task_dict if name.startswith("submit_"))
    assert dag.get_task(first).upstream_task_ids == {"provision_topics", "create_configmaps", *before_jobs}


def test_tables_are_found_before_anything_is_created(checkout: Path) -> None:
    definition = checkout / "flink_jobs" / "olympics" / "pipeline.yaml"
    text = definition.read_text().replace("    seed: {schema: schema.sql, data: data/players.csv}\n", "")
    captured = 'tables: [players, "order_*"]\n    topics: {prefix: arena., partitions: 1}'
    definition.write_text(text.replace("table: players", captured))

    bag = bag_of(checkout)

    assert bag.import_errors == {}
    dag = bag.dags["olympics_deploy"]
    for first in ("provision_topics", "create_configmaps"):
        assert dag.get_task(first).upstream_task_ids == {"preflight_capacity", "preflight_cdc"}
    assert "- `olympics.players_cdc` writes arena.players, arena.order_*, olympics.players" in str(dag.doc_md)
    reload = bag.dags["olympics_reload"]
    order = ["wait_for_other_runs", "preflight_reload", "check_jobs_running", "reload_table", "check_outputs"]
    edges = {(task.task_id, after) for task in reload.tasks for after in task.downstream_task_ids}
    assert edges == set(pairwise(order))
    assert reload.params.dump() == {"target": "local", "table": None, "where": None}


def test_dag_has_the_jobs_of_the_pipeline_definition(checkout: Path) -> None:
    definition = add_pipeline(checkout, "winter_games")
    definition.write_text(
        definition.read_text().replace("    after: [players_cdc]\n", "").replace("  analytics:", "  statistics:")
    )

    dag = bag_of(checkout).dags["winter_games_deploy"]

    assert "submit_statistics" in dag.task_dict
    assert "wait_for_players_cdc" not in dag.get_task("submit_statistics").upstream_task_ids


def test_invalid_definition_becomes_a_dag_that_reports_it_and_affects_no_other(checkout: Path) -> None:
    from infra.orchestration.tasks import load_definition

    definition = add_pipeline(checkout, "winter_games")
    definition.write_text(definition.read_text().replace("parallelism: 2", "paralelism: 2"))

    bag = bag_of(checkout)

    assert bag.import_errors == {}
    broken = {dag_id for dag_id, dag in bag.dags.items() if "broken-definition" in dag.tags}
    assert broken == {"winter_games_deploy", "winter_games_daily_reload"}
    others = {f"{name}_{kind}" for name in ("olympics", "olympic_events") for kind in ("deploy", "daily_reload")}
    assert bag.dags.keys() - broken == {*others, "republish_quarantine"}
    for dag_id in broken:
        dag = bag.dags[dag_id]
        [task] = dag.tasks
        assert (task.task_id, task.retries) == ("load_definition", 0)
        assert repr(dag.schedule) == "None"
        message = f"{definition}: jobs.players_cdc.paralelism: unknown key. Did you mean 'parallelism'?"
        assert message in str(dag.doc_md)
        with pytest.raises(DefinitionError, match=re.escape(message)):
            load_definition.function(str(definition.parent))


def test_job_script_without_an_option_of_the_cdc_connector_is_found(checkout: Path) -> None:
    from infra.mysql.preflight import INTERCEPTOR
    from infra.mysql.preflight_source import files_without

    pipeline = load_pipeline(checkout / "flink_jobs" / "olympics")
    assert files_without(pipeline, INTERCEPTOR) == []

    reader = checkout / "flink_jobs" / "olympics" / "players_cdc" / "10_players.sql"
    reader.write_text(reader.read_text().replace(INTERCEPTOR, "com.example.Other"))

    assert files_without(pipeline, INTERCEPTOR) == ["10_players.sql"]


def test_preflight_ignores_pipelines_with_an_invalid_definition(checkout: Path) -> None:
    from infra.mysql.preflight_source import server_ids_of_others

    add_pipeline(checkout, "winter_games").write_text("- broken")
    other = add_pipeline(checkout, "summer_games")
    other.write_text(other.read_text().replace("server_ids: 5400-5409", "server_ids: 5410-5419"))

    assert server_ids_of_others(load_pipeline(checkout / "flink_jobs" / "olympics")) == {"summer_games": "5410-5419"}
