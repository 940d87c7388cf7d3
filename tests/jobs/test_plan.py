"""The plans of the jobs by EXPLAIN: shared work is planned once, and state is as the decision records require."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from flink_jobs.shared.run_sql import run_step
from infra.pipeline import load_pipeline
from tests.jobs.conftest import OLYMPIC_EVENTS, OLYMPICS, job_steps
from tests.jobs.flink import flink_environment


def explained(pipeline: Path, job: str) -> str:
    """Return the optimized execution plan of a job, with its real connectors but without a connection to any system."""
    environment = flink_environment(load_pipeline(pipeline).jobs[job].configuration)
    *tables, (_, publish) = job_steps(pipeline, job)
    for path, statement in tables:
        run_step(environment, path, statement)
    text: str = environment.explain_sql(publish)
    return text.partition("== Optimized Execution Plan ==")[2]


@pytest.fixture(scope="module")
def plan() -> str:
    """The plan of the analytics job."""
    return explained(OLYMPICS, "analytics")


@pytest.fixture(scope="module")
def totals_plan() -> str:
    """The plan of the nationalities, the aggregate of the analytics job, which is planned as a stream of its own."""
    environment = flink_environment(load_pipeline(OLYMPICS).jobs["analytics"].configuration)
    for path, statement in job_steps(OLYMPICS, "analytics")[:-1]:
        run_step(environment, path, statement)
    text: str = environment.from_path("nationalities").explain()
    return text.partition("== Optimized Execution Plan ==")[2]


@pytest.fixture(scope="module")
def join_plan() -> str:
    """The plan of the job record_join."""
    return explained(OLYMPIC_EVENTS, "record_join")


def test_shared_work_is_planned_once(plan: str) -> None:
    operators = Counter(re.findall(r"(TableSourceScan|Deduplicate|GroupAggregate|Rank|Join|Sink)\(", plan))
    assert operators == {
        "TableSourceScan": 6,  # all outputs are of streams: the shared records, and those of the functions
        "Sink": 6,
    }, plan


def test_topic_is_read_and_parsed_outside_of_the_views_that_share_it(plan: str) -> None:
    assert "READ_JSON" not in plan
    assert "message_value" not in plan.split("athletes_topic")[1]


def test_aggregate_ends_its_mini_batches(totals_plan: str) -> None:
    """An aggregate behind a stream without the assigner of mini-batches emits its results only at checkpoints."""
    found = re.findall(r"(GroupAggregate|Exchange|Calc|MiniBatchAssigner|TableSourceScan|Rank)\(", totals_plan)
    assert found == ["Calc", "GroupAggregate", "Exchange", "Calc", "MiniBatchAssigner", "TableSourceScan"], totals_plan


def test_only_the_sink_of_duplicates_orders_its_changes(plan: str) -> None:
    """A duplicate's id can change to another name, and so to another task; its sink restores the order by id."""
    ordered = re.findall(r"table=\[default_catalog\.default_database\.(\w+)\].*upsertMaterialize", plan)
    assert ordered == ["duplicates_topic"]


def test_each_job_configures_the_buffer_timeout() -> None:
    jobs = load_pipeline(OLYMPICS).jobs
    assert {name: job.configuration["execution.buffer-timeout.interval"] for name, job in jobs.items()} == {
        "players_cdc": "5 ms",
        "analytics": "5 ms",
    }


def test_each_list_is_parsed_once(join_plan: str) -> None:
    assert "READ_ELEMENTS" not in join_plan
    operators = Counter(re.findall(r"(TableSourceScan|Rank|Join|Sink)\(", join_plan))
    assert operators == {"TableSourceScan": 2, "Rank": 3, "Join": 2, "Sink": 3}, join_plan


def test_join_uses_the_unique_keys_of_its_inputs(join_plan: str) -> None:
    assert join_plan.count("leftInputSpec=[JoinKeyContainsUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey]") == 2
    assert "upsertMaterialize" not in join_plan
