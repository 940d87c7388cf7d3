"""Recovery: after `kill -9` of a service during a stream of changes, all services restart and the outputs agree."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.errors import PlatformError
from infra.jobs.job import JobState
from infra.waiting import wait_until
from tests.local.olympics.conftest import JOBS, Deployment

NAMES = [f"Athlete {number}" for number in range(40)]
CHANGES = 200
NATIONS = ["Austria", "US", "Italy", "Norway", "Japan"]


class Changes:
    """A stream of random changes, one transaction at a time, that continues after the database was killed."""

    def __init__(self, deployment: Deployment, seed: int) -> None:
        self.deployment = deployment
        self.random = random.Random(seed)
        self.committed = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.deployment.execute(*(self._statement() for _ in range(5)))
                self.committed += 5
            except PlatformError:
                self.stopping.wait(0.2)  # the database is down; the transaction was rolled back

    def _statement(self) -> str:
        row_id, score = self.random.randint(1, 400), self.random.randint(0, 100)
        name, nation = self.random.choice(NAMES), self.random.choice(NATIONS)
        if self.random.random() < 0.2:
            return f"DELETE FROM players WHERE id = {row_id}"
        return f"REPLACE INTO players VALUES ({row_id}, '{name}', '{nation}', {score})"


@contextmanager
def changing(deployment: Deployment, seed: int) -> Iterator[Changes]:
    changes = Changes(deployment, seed)
    thread = threading.Thread(target=changes.run)
    thread.start()
    try:
        yield changes
    finally:
        changes.stopping.set()
        thread.join()


def all_running(deployment: Deployment) -> bool:
    """Return whether both jobs run; UnreachableError while Flink does not answer."""
    return all(status.state is JobState.RUNNING for status in deployment.statuses().values())


@pytest.mark.parametrize("service", ["flink-taskmanager", "flink-jobmanager", "kafka", "mysql"])
def test_a_killed_service_restarts_and_the_outputs_agree(seeded: Deployment, service: str) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    killed, job_ids = seeded.stack.pid(service), {name: seeded.target.status(name).job_id for name in JOBS}
    assert killed is not None
    with changing(seeded, seed) as changes:
        wait_until(lambda: changes.committed >= CHANGES, "the first changes", 60)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: seeded.stack.pid(service) not in (None, killed), f"a new process of {service}", 60)
        expected = changes.committed + CHANGES
        wait_until(lambda: changes.committed >= expected, "changes after the kill", 120)
    # Without a JobManager the tasks go on until a TaskManager misses its heartbeat.
    wait_until(lambda: all_running(seeded), "both jobs to run", 180)
    seeded.execute("DELETE FROM players WHERE id < 20")
    seeded.await_agreement(seconds=120)
    seeded.assert_agrees_with_model()
    assert {name: status.job_id for name, status in seeded.statuses().items()} == job_ids, "nobody submitted them again"
