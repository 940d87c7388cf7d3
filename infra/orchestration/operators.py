"""Submitting a job, and waiting until it is healthy without holding a worker slot."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink, Context

from infra.orchestration.failures import airflow_failures
from infra.orchestration.triggers import JobHealthTrigger, raise_failure

log = logging.getLogger("infra.steps")


class FlinkJobLink(BaseOperatorLink):
    """From a task to its job in the Flink UI."""

    name = "Flink UI"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002, the signature is Airflow's
        """The address that the operator learned while it ran."""
        return getattr(operator, "flink_url", None) or ""


class SubmitJobOperator(BaseOperator):
    """Makes one job of a pipeline run at its content revision; an unchanged and running one is not touched."""

    operator_extra_links = (FlinkJobLink(),)
    template_fields = ("target", "start_from")

    def __init__(self, *, folder: str, job: str, target: str, start_from: str, **options: Any) -> None:
        super().__init__(**options)
        self.folder = folder
        self.job = job
        self.target = target
        self.start_from = start_from

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002, the signature is Airflow's
        from infra.orchestration import steps

        with airflow_failures(self.task_id):
            result = steps.submit_job(Path(self.folder), self.job, self.target, self.start_from)
        self.flink_url = result["url"]
        return result


class WaitForJobOperator(BaseOperator):
    """Waits until a job is healthy: RUNNING at its revision, a checkpoint since, and no failure since that."""

    operator_extra_links = (FlinkJobLink(),)
    template_fields = ("target", "revision")

    def __init__(self, *, job_name: str, revision: str, target: str, timeout: timedelta, **options: Any) -> None:
        super().__init__(**options)
        self.job_name = job_name
        self.revision = revision
        self.target = target
        self.timeout = timeout

    def execute(self, context: Context) -> None:  # noqa: ARG002, the signature is Airflow's
        """Defers at once: the trigger asks the target, and its first answer is usually enough for an unchanged job."""
        trigger = JobHealthTrigger(self.target, self.job_name, self.revision, self.timeout.total_seconds())
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002, the signature is Airflow's
        """Takes over from the trigger: logs the health, or raises what the trigger saw."""
        self.flink_url = event.get("url")
        with airflow_failures(self.task_id):
            raise_failure(event)
        log.info("%s: healthy: %s", self.task_id, event["detail"])
