"""The target contract against `memory`, whose jobs are entries of a dict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.jobs.job import JobSpec
from infra.targets.memory import MemoryTarget
from tests.support.jobs import JOB
from tests.support.target_contract import TargetContract


class TestMemoryContract(TargetContract):
    healthy_seconds = 0.0

    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget()

    @pytest.fixture
    def job(self) -> JobSpec:
        return JOB

    def changed(self, job: JobSpec) -> JobSpec:
        return replace(job, files={**job.files, "10_players.sql": b"SELECT 2"})
