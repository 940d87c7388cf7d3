"""The contract of targets against the one that keeps its jobs in a dict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.targets.base import JobDeployment
from infra.targets.memory import MemoryTarget
from tests.target_contract import TargetContract
from tests.unit.targets.jobs import JOB


class TestMemoryContract(TargetContract):
    healthy_seconds = 0.0

    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget()

    @pytest.fixture
    def job(self) -> JobDeployment:
        return JOB

    def changed(self, job: JobDeployment) -> JobDeployment:
        return replace(job, files={**job.files, "10_players.sql": b"SELECT 2"})
