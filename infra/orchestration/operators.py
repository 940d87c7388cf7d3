"""Operators that submit a job, and that wait for its health without occupying a worker slot."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink, Context

from infra.errors import TransientError
from infra.orchestration.captured_tables import with_tables_of_run
from infra.orchestration.failures import report
from infra.orchestration.triggers import JobHealthTrigger, raise_failure
from infra.pipeline import Pipeline, load_pipeline
from infra.pipeline.naming import TASK_LOGGER

log = logging.getLogger(TASK_LOGGER)


class FlinkJobLink(BaseOperatorLink):
    """The link from a task to its job in the Flink UI."""

    name = "Flink UI"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002, the signature is Airflow's
        """Return the address that the operator published; empty if it has not."""
        return getattr(operator, "flink_url", None) or ""

    def publish(self, operator: Any, context: Context, url: str | None) -> None:
        """Make the link available while the task runs; Airflow itself stores it only at the end."""
        if url:
            operator.flink_url = url
            context["ti"].xcom_push(key=self.xcom_key, value=url)


class SubmitJobOperator(BaseOperator):
    """Make one job of a pipeline run at its content revision; an unchanged and running job is not touched.

    The return value has `revision`, `url` and `change` (created, changed or unchanged).
    """

    operator_extra_links = (FlinkJobLink(),)
    template_fields = ("target", "start_from")

    def __init__(self, *, folder: str, job: str, target: str, start_from: str, **options: Any) -> None:
        super().__init__(**options)
        self.folder = folder
        self.job = job
        self.target = target
        self.start_from = start_from

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit the job, publish its link, and return `revision`, `url` and `change`."""
        from infra.jobs.upgrade import ensure_running, ensure_started_from_scratch
        from infra.orchestration.pipeline_jobs import job_spec, target_named

        pipeline = with_tables_of_run(load_pipeline(Path(self.folder)), context)
        target = target_named(self.target)
        spec = job_spec(pipeline, self.job, target)
        if self.start_from == "scratch":
            target.stop(spec.name, savepoint=False)
            self._empty_topics(pipeline)
            submitted = ensure_started_from_scratch(target, spec)
        else:
            submitted = ensure_running(target, spec)
        report(self.task_id, [str(submitted)])
        url = target.status(spec.name).url
        FlinkJobLink().publish(self, context, url)
        return {"revision": spec.revision, "url": url, "change": submitted.change}

    def _empty_topics(self, pipeline: Pipeline) -> None:
        """Empty the compacted topics that the job writes; the job must be stopped."""
        from infra.kafka.emptying import empty_topics
        from infra.orchestration.connections import kafka_endpoint

        emptied = empty_topics(kafka_endpoint(pipeline), pipeline.emptied_topics(self.job))
        lines = [f"{name}: emptied, {count} offsets" for name, count in emptied.items()]
        report(self.task_id, lines or ["its topics: unchanged, all empty"])


class WaitForJobOperator(BaseOperator):
    """Wait until a job is healthy: RUNNING at its revision, a checkpoint since its start, no crash loop."""

    operator_extra_links = (FlinkJobLink(),)
    template_fields = ("target", "revision")

    def __init__(self, *, job_name: str, revision: str, target: str, timeout: timedelta, **options: Any) -> None:
        super().__init__(**options)
        self.job_name = job_name
        self.revision = revision
        self.target = target
        self.timeout = timeout

    def execute(self, context: Context) -> None:
        """Publish the link, then defer to the trigger, which polls the target."""
        from infra.orchestration.pipeline_jobs import target_named

        try:
            FlinkJobLink().publish(self, context, target_named(self.target).status(self.job_name).url)
        except TransientError as error:
            log.info("%s: no link to Flink yet: %s", self.task_id, error)
        trigger = JobHealthTrigger(self.target, self.job_name, self.revision, self.timeout.total_seconds())
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Context, event: dict[str, Any]) -> None:
        """Log that the job is healthy, or log the end of its log and raise the trigger's error."""
        FlinkJobLink().publish(self, context, event.get("url"))
        if event.get("logs"):
            report(self.task_id, [f"log: {line}" for line in event["logs"].splitlines()])
        raise_failure(event)
        log.info("%s: healthy: %s", self.task_id, event["detail"])
