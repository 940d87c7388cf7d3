"""The trigger of `wait_for_<job>`, which polls the target in a thread, so that one triggerer can watch many jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from infra import errors
from infra.errors import JobMemoryError, PlatformError, TransientError, WaitTimeoutError
from infra.jobs.health import missing_for_health
from infra.jobs.memory import stop_for_other_jobs

if TYPE_CHECKING:
    from infra.jobs.target import Target

FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 5.0
BACK_OFF_FACTOR = 1.5
# Interval at which a long wait logs the job's log.
LOG_EVERY_SECONDS = 60.0


class JobHealthTrigger(BaseTrigger):
    """Fire once: when the job is healthy, when it has failed for good, or after `timeout_seconds`.

    The event has `detail` and `url`, and for a failure also `error` (the class) and `logs` (the relevant log lines). A
    new job that ran out of memory is stopped if others share its TaskManagers.
    """

    def __init__(self, target: str, job_name: str, revision: str, timeout_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.target = target
        self.job_name = job_name
        self.revision = revision
        self.timeout_seconds = timeout_seconds
        self._client: Target | None = None
        self._url: str | None = None
        self._job_id: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which the triggerer stores; they contain no secret."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("target", "job_name", "revision", "timeout_seconds")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the trigger fires, with a delay that grows from FIRST_POLL_SECONDS to LONGEST_POLL_SECONDS."""
        begun = shown = time.monotonic()
        delay, last = FIRST_POLL_SECONDS, ""
        while True:
            try:
                missing = await asyncio.to_thread(self._missing)
            except TransientError as error:
                missing = str(error)
            except PlatformError as error:
                event = await self._failure(type(error).__name__, str(error))
                if isinstance(error, JobMemoryError):  # after its log was read
                    event.payload["detail"] += f" {await asyncio.to_thread(self._stop)}"
                yield event
                return
            if missing is None:
                yield _event(
                    {"detail": f"{self.job_name} revision {self.revision}, job {self._job_id}", "url": self._url}
                )
                return
            now = time.monotonic()
            if now - begun >= self.timeout_seconds:
                yield await self._failure(
                    WaitTimeoutError.__name__,
                    f"{self.job_name} was not healthy after {self.timeout_seconds:.0f} s; missing: {missing}",
                )
                return
            if missing != last:
                self.log.info("waiting for %s; missing: %s", self.job_name, missing)
                delay, last = FIRST_POLL_SECONDS, missing
            if now - shown >= LOG_EVERY_SECONDS:
                self.log.info("log of %s:\n%s", self.job_name, await asyncio.to_thread(self._logs))
                shown = now
            await asyncio.sleep(delay)
            delay = min(delay * BACK_OFF_FACTOR, LONGEST_POLL_SECONDS)

    def _missing(self) -> str | None:
        """Return what is still missing for the job to be healthy; create the target and its clients once."""
        if self._client is None:
            from infra.orchestration.pipeline_jobs import target_named

            self._client = target_named(self.target)
        status = self._client.status(self.job_name)
        self._url, self._job_id = status.url or self._url, status.job_id
        return missing_for_health(self.job_name, self.revision, status)

    def _logs(self) -> str:
        """Return the relevant log lines, or why they are not available, since that must not hide the job's failure."""
        if self._client is None:
            return ""
        try:
            return self._client.logs(self.job_name)
        except PlatformError as error:
            return f"the log is not available: {error}"

    def _stop(self) -> str:
        return stop_for_other_jobs(self._client, self.job_name) if self._client else ""

    async def _failure(self, error: str, detail: str) -> TriggerEvent:
        logs = await asyncio.to_thread(self._logs)
        return _event({"error": error, "detail": detail, "url": self._url, "logs": logs})


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def raise_failure(event: dict[str, Any]) -> None:
    """Raise the error that an event carries, as an instance of its class."""
    if "error" in event:
        raise getattr(errors, event["error"])(event["detail"])
