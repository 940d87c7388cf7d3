"""The target `memory`: jobs are entries of a dict and nothing runs, so that tests of orchestration take no time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from infra.errors import JobFailedError
from infra.jobs.job import Change, JobSpec, JobState, JobStatus, StoredJob


class MemoryTarget:
    """Report every submitted job as healthy, until `fail` or `show` changes its status."""

    name = "memory"
    secrets = "/secrets"
    image = ""
    upgrades_in_place = False
    shares_task_managers = True

    def __init__(self) -> None:
        self._scripts: dict[tuple[str, str], StoredJob] = {}
        self._jobs: dict[str, JobStatus] = {}
        self._clock = itertools.count(1)

    def ensure_scripts(self, job: JobSpec) -> Change:
        """Remember that the revision has its job scripts."""
        change = self.preview_scripts(job)
        if change == "created":
            self._scripts[job.name, job.revision] = StoredJob(dict(job.files), job.facts())
        return change

    def preview_scripts(self, job: JobSpec) -> Change:
        """Return whether the revision is new."""
        return "unchanged" if self.stored(job.name, job.revision) else "created"

    def stored(self, job_name: str, revision: str) -> StoredJob | None:
        """Return what `ensure_scripts` remembers of the revision."""
        return self._scripts.get((job_name, revision))

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        """Add a healthy job and return its id; JobFailedError without its job scripts."""
        if self.stored(job.name, job.revision) is None:
            raise JobFailedError(
                f"{job.name} could not be submitted: revision {job.revision} does not have its job scripts. "
                "Deploy the pipeline."
            )
        at = next(self._clock)
        status = JobStatus(
            JobState.RUNNING, job.revision, f"run-{at}", submitted_at=at, last_checkpoint_at=next(self._clock),
            restorable_state=savepoint,
        )  # fmt: skip
        self._jobs[job.name] = status
        return f"run-{at}"

    def status(self, job_name: str) -> JobStatus:
        """Return the status that was submitted, or changed with `fail` or `show`."""
        return self._jobs.get(job_name, JobStatus(JobState.MISSING))

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        """Mark the job as stopped, and return the path of a savepoint if one was requested."""
        status = self.status(job_name)
        if not status.state.alive:
            return None
        path = f"memory://{job_name}/savepoint-{next(self._clock)}" if savepoint else None
        state = path or status.restorable_state
        self._jobs[job_name] = replace(status, state=JobState.STOPPED, restorable_state=state)
        return path

    def logs(self, job_name: str) -> str:
        """Return the last failure of the job."""
        return self.status(job_name).last_failure or f"{job_name}: no failure"

    def delete(self, job_name: str) -> None:
        """Remove the job and its job scripts."""
        self._jobs.pop(job_name, None)
        self._scripts = {key: stored for key, stored in self._scripts.items() if key[0] != job_name}

    def fail(self, job_name: str, cause: str) -> None:
        """Make the job fail now, after a checkpoint that it can start from."""
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
        """Change fields of the job's status."""
        self._jobs[job_name] = replace(self._jobs[job_name], **changes)
