"""The contract of targets against the session cluster, run by test_platform.py inside of the container of Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.jobs.job import JobSpec
from infra.settings import ROOT, load_settings
from infra.targets.session import SessionTarget, session_target
from tests.support.target_contract import TargetContract

FILES = [*(ROOT / "tests" / "local" / "jobs" / "heartbeat").glob("*"), ROOT / "flink_jobs" / "shared" / "statements.py"]


@pytest.fixture(scope="module")
def target() -> SessionTarget:
    return session_target(load_settings())


@pytest.fixture
def job(target: SessionTarget) -> Iterator[JobSpec]:
    """A job under a name of its own; gone after the test, so that its slot is free."""
    job = JobSpec(
        name=f"heartbeat.{os.urandom(4).hex()}",
        script="heartbeat.py",
        files={path.name: path.read_bytes() for path in FILES if path.is_file()},
        arguments={"least": "0"},
        configuration={"execution.checkpointing.interval": "500 ms"},
        parallelism=1,
    )
    yield job
    target.delete(job.name)


class TestSessionContract(TargetContract):
    healthy_seconds = 120.0

    def changed(self, job: JobSpec) -> JobSpec:
        return replace(job, arguments={"least": "1"})
