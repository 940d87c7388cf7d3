"""The end of a failed task: terminal errors are not retried, others are."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Context, RetryDecision, RetryPolicy

from infra.errors import PlatformError, TerminalError
from infra.pipeline.naming import TASK_LOGGER
from infra.progress import Report

log = logging.getLogger(TASK_LOGGER)


class PlatformRetryPolicy(RetryPolicy):
    """Fail at once on a TerminalError, and leave every other exception to the task's retries.

    Airflow calls it in the worker, once for each failure; it logs the error as lines of the task.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002, the signature is Airflow's
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,
    ) -> RetryDecision:
        """Log the error, and decide whether Airflow retries the task."""
        if not isinstance(exception, PlatformError):
            return RetryDecision.default()
        terminal = isinstance(exception, TerminalError)
        name = type(exception).__name__
        for line in str(exception).splitlines():
            log.log(logging.ERROR if terminal else logging.WARNING, "%s: %s: %s", _task_id(context), name, line)
        return RetryDecision.fail(f"{name} is terminal") if terminal else RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return only the class, since the policy has no state."""
        return {"__type": type(self).__name__}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PlatformRetryPolicy:  # noqa: ARG003, the signature is Airflow's
        """Return a new policy, since it has no state."""
        return cls()


def report(task_id: str, lines: list[str]) -> list[str]:
    """Log each line with the id of the task, and return the lines."""
    for line in lines:
        log.info("%s: %s", task_id, line)
    return lines


def progress_of(task_id: str) -> Report:
    """Return a function that logs a line of progress with the id of the task."""
    return lambda line: report(task_id, [line])


def _task_id(context: Context | None) -> str:
    return context["ti"].task_id if context else "task"
