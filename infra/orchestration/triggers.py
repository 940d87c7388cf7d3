"""The trigger behind `wait_for_<job>`: asks the target in a thread, so that one triggerer watches many jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from infra import errors
from infra.errors import PlatformError, StillWaitingError, TransientError

if TYPE_CHECKING:
    from infra.targets.base import JobStatus
from infra.targets.health import waiting_for

POLL_SECONDS = 1.0


class JobHealthTrigger(BaseTrigger):
    """Fires once: when the job is healthy, when it has failed for good, or after `timeout_seconds`."""

    def __init__(self, target: str, job_name: str, revision: str, timeout_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.target = target
        self.job_name = job_name
        self.revision = revision
        self.timeout_seconds = timeout_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The trigger as the triggerer gets it; it carries no secret."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("target", "job_name", "revision", "timeout_seconds")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Polls until one of the three."""
        deadline = time.monotonic() + self.timeout_seconds
        last, url = "nothing yet", None
        while True:
            try:
                status = await asyncio.to_thread(self._status)
                url = status.url
                last = waiting_for(self.job_name, self.revision, status) or ""
                if not last:
                    yield _event(
                        {"detail": f"{self.job_name} revision {self.revision}, job {status.job_id}", "url": url}
                    )
                    return
            except TransientError as error:
                last = str(error)
            except PlatformError as error:
                yield _event({"error": type(error).__name__, "detail": str(error), "url": url})
                return
            if time.monotonic() >= deadline:
                detail = f"waited {self.timeout_seconds:.0f} s for {self.job_name} to be healthy; still missing: {last}"
                yield _event({"error": StillWaitingError.__name__, "detail": detail, "url": url})
                return
            await asyncio.sleep(POLL_SECONDS)

    def _status(self) -> JobStatus:
        from infra.orchestration.targets import target_named

        return target_named(self.target).status(self.job_name)


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def raise_failure(event: dict[str, Any]) -> None:
    """Raises the error that an event carries, as the class that it was."""
    if "error" in event:
        raise getattr(errors, event["error"])(event["detail"])
