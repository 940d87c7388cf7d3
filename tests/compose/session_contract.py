"""The target contract against the session cluster; test_platform.py runs it in the Airflow container."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.jobs.job import JobSpec
from infra.settings import load_settings
from infra.targets.session import SessionTarget, session_target
from tests.support.heartbeat import changed_job, heartbeat_job
from tests.support.target_contract import TargetContract


@pytest.fixture(scope="module")
def target() -> SessionTarget:
    return session_target(load_settings())


@pytest.fixture
def job(target: SessionTarget) -> Iterator[JobSpec]:
    """A job that is deleted after the test, so that its slot is free."""
    job = heartbeat_job()
    yield job
    target.delete(job.name)


class TestSessionContract(TargetContract):
    healthy_seconds = 120.0

    def changed(self, job: JobSpec) -> JobSpec:
        return changed_job(job)
