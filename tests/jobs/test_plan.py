"""The plans of the jobs by EXPLAIN: shared work is planned once, and state is as the decision records require."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from infra.pipeline import load_pipeline
from tests.jobs.conftest import OLYMPIC_EVENTS, OLYMPICS, job_statements
from tests.jobs.flink import flink_environment


def explained(pipeline: Path, job: str) -> str:
    """Return the optimized execution plan of a job, with its real connectors but without a connection to any system."""
    environment = flink_environment(load_pipeline(pipeline).jobs[job].configuration)
    *tables, (_, publish) = job_statements(pipeline, job).items()
    for _, statement in tables:
        environment.execute_sql(statement)
    text: str = environment.explain_sql(publish)
    return text.partition("== Optimized Execution Plan ==")[2]


@pytest.fixture(scope="module")
def plan() -> str:
    """The plan of the analytics job."""
    return explained(OLYMPICS, "analytics")


@pytest.fixture(scope="module")
def join_plan() -> str:
    """The plan of the job record_join."""
    return explained(OLYMPIC_EVENTS, "record_join")


def test_shared_work_is_planned_once(plan: str) -> None:
    operators = Counter(re.findall(r"(TableSourceScan|Deduplicate|GroupAggregate|Rank|Join|Sink)\(", plan))
    assert operators == {
        "TableSourceScan": 1,
        "Deduplicate": 1,  # the table from its records
        "GroupAggregate": 1,  # average by nationality
        "Rank": 5,  # by name; three by nationality; from these: top of each, top three, best nationality
        "Join": 2,  # duplicates with the row that counts; averages with the top of each
        "Sink": 6,
    }, plan


def test_only_two_rankings_see_every_athlete(plan: str) -> None:
    rankings = Counter(re.findall(r"rankEnd=(\d+)\], partitionBy=\[(\w*)\]", plan))
    of_all, of_leaders = [("1", "name"), ("3", "nationality")], [("1", "nationality"), ("1", ""), ("3", "")]
    assert rankings == Counter([*of_all, *of_leaders])


def test_every_record_is_parsed_once(plan: str) -> None:
    # The fields of the value, and the first step of each outline: as often as in the SQL, without copies.
    assert plan.count('"id","name","nationality","score"') == 1
    assert plan.count("IS JSON VALUE") == 2


def test_keep_last_holds_only_the_columns_of_the_table(plan: str) -> None:
    columns = plan[plan.index("Deduplicate(") :].split("Calc(select=[", 1)[1].split("]", 1)[0]
    assert columns == "arrived_at, id, name, nationality, score, deleted"


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


def test_unnesting_lists_keeps_no_state(join_plan: str) -> None:
    """A join with the digits would keep every record in its state; a correlation does not have state."""
    assert "Values(" not in join_plan
    operators = Counter(re.findall(r"(TableSourceScan|Rank|Join|Sink)\(", join_plan))
    assert operators == {"TableSourceScan": 1, "Rank": 3, "Join": 2, "Sink": 2}, join_plan


def test_join_uses_the_unique_keys_of_its_inputs(join_plan: str) -> None:
    assert join_plan.count("leftInputSpec=[JoinKeyContainsUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey]") == 2
    assert "upsertMaterialize" not in join_plan
