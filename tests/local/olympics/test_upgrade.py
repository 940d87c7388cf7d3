"""Upgrades of a changed job: through a savepoint, with incompatible job state, and from scratch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.errors import StateMismatchError
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobStatus
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_running
from infra.stacks.local import stack as local_stack
from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment


def analytics(deployment: Deployment) -> JobSpec:
    cdc = local_stack.mysql_endpoint(deployment.stack.settings, "cdc", "olympics")
    return render_job(deployment.pipeline, "analytics", deployment.stack.kafka, cdc, deployment.target.secrets)


def deploy(deployment: Deployment, job: JobSpec) -> JobStatus:
    deployment.target.ensure_scripts(job)
    print(ensure_running(deployment.target, job))

    def healthy() -> bool:
        return missing_for_health(job.name, job.revision, deployment.target.status(job.name)) is None

    wait_until(healthy, f"{job.name} to be healthy", 120)
    return deployment.target.status(job.name)


def with_sql(job: JobSpec, name: str, old: str, new: str) -> JobSpec:
    text = job.files[name].decode()
    assert old in text
    return replace(job, files={**job.files, name: text.replace(old, new).encode()})


def test_a_changed_sql_file_upgrades_through_a_savepoint_and_keeps_the_state(seeded: Deployment) -> None:
    job = analytics(seeded)
    before = seeded.target.status(job.name)
    changed = with_sql(job, "61_nationalities.sql", "FROM nationality_totals", "FROM nationality_totals -- the same")
    after = deploy(seeded, changed)
    assert after.job_id != before.job_id
    assert (before.revision, after.revision) == (job.revision, changed.revision)
    seeded.execute("UPDATE players SET score = 9 WHERE id = 4", "DELETE FROM players WHERE id = 2")
    seeded.await_agreement()
    # Without its state the job would not retract the earlier rows of Max (4) and Peter (2), and would count them again.
    seeded.assert_agrees_with_model()
    assert deploy(seeded, job).revision == job.revision


def test_incompatible_state_is_reported_and_the_job_starts_from_scratch(seeded: Deployment) -> None:
    job = analytics(seeded)
    columns = (
        "nationality, score, 1 AS id, CAST('x' AS STRING) AS name"  # with the name, which is a key, DISTINCT is idle
    )
    distinct = f"FROM (SELECT DISTINCT {columns} FROM first_rows_in_bursts)\nGROUP BY"
    other = with_sql(job, "60_nationality_totals.sql", "FROM first_rows_in_bursts\nGROUP BY", distinct)
    with pytest.raises(StateMismatchError) as caught:
        deploy(seeded, other)
    assert "the job state of olympics.analytics" in str(caught.value)
    assert '{"start_from": "scratch"}' in str(caught.value)
    seeded.execute("DELETE FROM players WHERE nationality = 'US'")
    seeded.dag("olympics_deploy", {"start_from": "scratch"})
    seeded.assert_agrees_with_model()
    assert seeded.target.status(job.name).revision == job.revision
