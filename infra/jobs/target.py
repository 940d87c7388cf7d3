"""The target protocol: six verbs for running jobs anywhere, and two questions that change nothing.

`infra.targets` implements it as `local`, `session`, `kubernetes` and, for tests, `memory`; one contract suite runs
against each of them.
"""

from __future__ import annotations

from typing import Protocol

from infra.jobs.job import Change, JobSpec, JobStatus, StoredJob


class Target(Protocol):
    """A target, which runs jobs. Every verb is safe to repeat.

    `secrets` is the folder in which the processes of a job find its secrets, as `<job>/<Secret>/<key>`. `image` is the
    container image of the jobs, empty if the target uses none. If `upgrades_in_place`, submitting another revision of a
    running job takes the savepoint and starts from it; otherwise the caller stops the job first. If
    `shares_task_managers`, jobs run in the same processes, so that one without memory ends the others, too.
    """

    name: str
    secrets: str
    image: str
    upgrades_in_place: bool
    shares_task_managers: bool

    def ensure_scripts(self, job: JobSpec) -> Change:
        """Store the job scripts of the revision where `submit` finds them, and the current secrets."""

    def preview_scripts(self, job: JobSpec) -> Change:
        """Return what `ensure_scripts` would do, and change nothing; errors as there."""

    def stored(self, job_name: str, revision: str) -> StoredJob | None:
        """Return what `ensure_scripts` has stored of a revision, and change nothing; None if nothing is stored."""

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        """Start the job, from `savepoint` if given, and return Flink's id of it."""

    def status(self, job_name: str) -> JobStatus:
        """Return the status of the newest run of the job; its state is MISSING if the cluster has none."""

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        """Stop the job and return the path of its savepoint, if one was requested."""

    def logs(self, job_name: str) -> str:
        """Return the last log lines that are relevant to the job's failure."""

    def delete(self, job_name: str) -> None:
        """Stop the job and delete its job scripts and all its job state."""
