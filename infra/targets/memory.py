"""The target `memory`: keeps jobs in a dict and runs none. It ships so that orchestration is tested in no time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from infra.errors import JobFailedError
from infra.jobs.job import Change, JobSpec, JobState, JobStatus


class MemoryTarget:
    """A job is healthy as soon as it is submitted; `fail` and `show` make it anything else."""

    name = "memory"
    image = ""
    upgrades_in_place = False

    def __init__(self) -> None:
        self._bundles: set[tuple[str, str]] = set()
        self._jobs: dict[str, JobStatus] = {}
        self._clock = itertools.count(1)

    def ensure_scripts(self, job: JobSpec) -> Change:
        bundle = (job.name, job.revision)
        if bundle in self._bundles:
            return "unchanged"
        self._bundles.add(bundle)
        return "created"

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        if (job.name, job.revision) not in self._bundles:
            raise JobFailedError(f"{job.name} could not be submitted: revision {job.revision} has no scripts")
        at = next(self._clock)
        status = JobStatus(
            JobState.RUNNING, job.revision, f"run-{at}", submitted_at=at, last_checkpoint_at=next(self._clock),
            restorable_state=savepoint,
        )  # fmt: skip
        self._jobs[job.name] = status
        return f"run-{at}"

    def status(self, job_name: str) -> JobStatus:
        return self._jobs.get(job_name, JobStatus(JobState.MISSING))

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        status = self.status(job_name)
        if not status.state.alive:
            return None
        path = f"memory://{job_name}/savepoint-{next(self._clock)}" if savepoint else None
        state = path or status.restorable_state
        self._jobs[job_name] = replace(status, state=JobState.STOPPED, restorable_state=state)
        return path

    def logs(self, job_name: str) -> str:
        return self.status(job_name).last_failure or f"{job_name}: no failure"

    def delete(self, job_name: str) -> None:
        self._jobs.pop(job_name, None)
        self._bundles = {bundle for bundle in self._bundles if bundle[0] != job_name}

    def fail(self, job_name: str, cause: str) -> None:
        """The job fails now, after a checkpoint that it can start from."""
        at = next(self._clock)
        checkpoint = f"memory://{job_name}/checkpoint-{at}"
        self.show(
            job_name,
            state=JobState.FAILED,
            failures=1,
            last_failure_at=at,
            last_failure=cause,
            restorable_state=checkpoint,
        )

    def show(self, job_name: str, **changes: Any) -> None:
        """From now on the job's status has these values."""
        self._jobs[job_name] = replace(self._jobs[job_name], **changes)
