"""A job that ran out of memory on TaskManagers that other jobs share."""

from __future__ import annotations

from infra.errors import PlatformError
from infra.jobs.target import Target


def stop_for_other_jobs(target: Target, job_name: str) -> str:
    """Stop the job if it has just been started and would end the TaskManagers of others again; return what was done.

    Nobody can tell whose objects filled a shared heap. So only a job without a checkpoint since its submission is
    stopped: the cluster had enough memory before it came.
    """
    if not target.shares_task_managers:
        return "No other job uses its TaskManagers."
    try:
        status = target.status(job_name)
        if status.last_checkpoint_at > status.submitted_at:
            return "It was not stopped, because it ran before; it restarts from its last checkpoint, as all others do."
        target.stop(job_name, savepoint=False)
    except PlatformError as error:
        return f"It could not be stopped, and can end the TaskManagers of other jobs again: {error}"
    return "It was stopped, so that the other jobs keep running; its job state is kept."
