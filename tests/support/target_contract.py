"""The contract of all targets, as tests that a subclass inherits.

The subclass provides the jobs, because jobs differ between targets. Each test uses its own job name, so all tests can
run against the same cluster.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.errors import JobFailedError
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobState, JobStatus, Secret, StoredJob
from infra.jobs.preview import preview_job
from infra.jobs.target import Target
from infra.jobs.upgrade import ensure_running, ensure_started_from_scratch
from infra.plan import Action
from infra.waiting import wait_until


class TargetContract:
    """Tests of a target; a subclass provides the fixtures `target` and `job` (one that runs, under a new name)."""

    healthy_seconds = 60.0

    def changed(self, job: JobSpec) -> JobSpec:
        """Return another revision of the job, whose state still fits."""
        raise NotImplementedError

    def assert_upgraded(self, how: str, before: JobStatus, after: JobStatus) -> None:
        """Assert that a new run started from the named savepoint; a target that upgrades in place overrides this."""
        assert how.startswith("state from ")
        assert "savepoint-" in how
        assert after.job_id != before.job_id

    def await_health(self, target: Target, job: JobSpec) -> JobStatus:
        """Wait until the job is healthy, and return its status."""

        def healthy() -> JobStatus | None:
            status = target.status(job.name)
            return None if missing_for_health(job.name, job.revision, status) else status

        return wait_until(healthy, f"{job.name} to be healthy", self.healthy_seconds)

    def started(self, target: Target, job: JobSpec) -> JobStatus:
        """Start the job, wait until it is healthy, and return its status."""
        target.ensure_scripts(job)
        target.submit(job)
        return self.await_health(target, job)

    def test_scripts_are_created_once_for_each_revision(self, target: Target, job: JobSpec) -> None:
        other = self.changed(job)

        assert [target.ensure_scripts(each) for each in (job, job, other, job)] == [
            "created", "unchanged", "created", "unchanged",
        ]  # fmt: skip

    def test_preview_of_scripts_agrees_with_what_is_stored_then(self, target: Target, job: JobSpec) -> None:
        assert (target.preview_scripts(job), target.stored(job.name, job.revision)) == ("created", None)
        assert target.stored(job.name, job.revision) is None, "a preview stores nothing"

        target.ensure_scripts(job)

        assert target.preview_scripts(job) == "unchanged"
        assert target.stored(job.name, job.revision) == StoredJob(dict(job.files), job.facts())
        assert target.stored(job.name, self.changed(job).revision) is None

    def test_unknown_job_is_missing(self, target: Target, job: JobSpec) -> None:
        status = target.status(job.name)

        assert (status.state, status.job_id, status.restorable_state) == (JobState.MISSING, None, None)
        with pytest.raises(
            JobFailedError, match="^" + f"{job.name} does not run: the cluster does not have such a job"
        ):
            missing_for_health(job.name, job.revision, status)

    def test_stop_and_delete_of_an_unknown_job_do_nothing(self, target: Target, job: JobSpec) -> None:
        assert target.stop(job.name, savepoint=True) is None
        assert target.stop(job.name, savepoint=False) is None
        target.delete(job.name)

    def test_submitted_job_becomes_healthy_and_a_second_submission_changes_nothing(
        self, target: Target, job: JobSpec
    ) -> None:
        target.ensure_scripts(job)
        planned = preview_job(target, job)
        first = ensure_running(target, job)
        status = self.await_health(target, job)
        planned_again = preview_job(target, job)
        second = ensure_running(target, job)

        assert str(first) == f"created: {job.name} at revision {job.revision} as job {status.job_id}"
        assert str(second) == f"unchanged: {job.name} runs revision {job.revision} as job {status.job_id}"
        assert target.status(job.name).job_id == status.job_id
        assert status.last_checkpoint_at > status.submitted_at > 0
        assert (status.revision, status.failures, status.last_failure) == (job.revision, 0, None)
        assert [change.action for change in (*planned, *planned_again)] == [
            Action.UNCHANGED, Action.CREATE, Action.UNCHANGED, Action.UNCHANGED,
        ]  # fmt: skip

    def test_changed_job_is_upgraded_through_a_savepoint(self, target: Target, job: JobSpec) -> None:
        before = self.started(target, job)
        other = self.changed(job)
        planned = preview_job(target, other)
        target.ensure_scripts(other)

        submission = ensure_running(target, other)
        status = self.await_health(target, other)

        assert [change.action for change in planned] == [Action.CHANGE, Action.CHANGE]
        assert planned[1].summary == f"upgrade from revision {job.revision} to {other.revision} through a savepoint"
        assert submission.change == "changed"
        head, _, how = submission.detail.partition(f" as job {status.job_id}, ")
        assert head == f"{job.name} from {job.revision} to {other.revision}"
        self.assert_upgraded(how, before, status)
        assert status.restorable_state

    def test_stop_with_a_savepoint_returns_its_path(self, target: Target, job: JobSpec) -> None:
        self.started(target, job)

        savepoint = target.stop(job.name, savepoint=True)

        status = target.status(job.name)
        assert savepoint
        assert "savepoint-" in savepoint
        assert status.state is JobState.STOPPED
        assert str(status.restorable_state) in savepoint

    def test_stopped_job_starts_again_from_its_newest_state(self, target: Target, job: JobSpec) -> None:
        self.started(target, job)
        assert target.stop(job.name, savepoint=True)

        submission = ensure_running(target, job)
        status = self.await_health(target, job)

        assert submission.change == "changed"
        assert submission.detail.startswith(f"{job.name} was STOPPED, runs again as job {status.job_id}, state from ")
        assert "savepoint-" in submission.detail

    def test_stop_without_a_savepoint_returns_none(self, target: Target, job: JobSpec) -> None:
        self.started(target, job)

        assert target.stop(job.name, savepoint=False) is None
        assert target.status(job.name).state is JobState.STOPPED
        assert target.stop(job.name, savepoint=False) is None

    def test_delete_removes_job_scripts_and_job_state(self, target: Target, job: JobSpec) -> None:
        self.started(target, job)
        target.stop(job.name, savepoint=True)

        target.delete(job.name)

        status = target.status(job.name)
        assert not status.state.alive
        assert status.restorable_state is None
        assert target.ensure_scripts(job) == "created"

    def test_job_started_from_scratch_has_no_state(self, target: Target, job: JobSpec) -> None:
        before = self.started(target, job)

        submission = ensure_started_from_scratch(target, job)
        status = self.await_health(target, job)

        assert str(submission) == f"created: {job.name} from scratch at revision {job.revision} as job {status.job_id}"
        assert status.job_id != before.job_id

    def test_job_without_scripts_is_rejected(self, target: Target, job: JobSpec) -> None:
        with pytest.raises(JobFailedError, match=f"^{job.name} could not be submitted: "):
            target.submit(job)
        assert target.status(job.name).state is JobState.MISSING

    def test_secrets_do_not_change_the_revision(self, target: Target, job: JobSpec) -> None:
        target.ensure_scripts(job)

        assert target.ensure_scripts(replace(job, secrets=(Secret("other", "password", "other"),))) == "unchanged"
