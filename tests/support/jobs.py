"""A job and the status of a healthy one, for tests to vary."""

from __future__ import annotations

from infra.jobs.job import JobSpec, JobState, JobStatus, Secret

JOB = JobSpec(
    name="games.cdc",
    script="cdc.py",
    files={"cdc.py": b"print()", "10_players.sql": b"SELECT 1"},
    arguments={"topic": "games.players", "group": "games"},
    configuration={"a.b": "1"},
    parallelism=1,
    secrets=(Secret("games-mysql-cdc", "password", "swordfish"),),
)
HEALTHY = JobStatus(
    JobState.RUNNING,
    revision=JOB.revision,
    job_id="run-1",
    submitted_at=100,
    last_checkpoint_at=200,
    url="http://flink/#/job/run-1",
)
