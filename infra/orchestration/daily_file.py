"""The first steps of a daily reload: go on only with the latest day, and wait for its file without a worker slot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from infra.errors import DataFileError
from infra.orchestration.data_files import daily_file
from infra.orchestration.failures import report
from infra.orchestration.triggers import raise_failure
from infra.pipeline import load_pipeline

POLL_SECONDS = 5.0
# A file that did not change for this long is complete.
QUIET_SECONDS = 10.0


class LatestDayOperator(LatestOnlyOperator):
    """Skip the run of an older day, which is cleared or backfilled: it would put the source back to that day.

    A run that was triggered by hand, or with `force`, goes on.
    """

    def choose_branch(self, context: Context) -> str | Iterable[str]:
        """Return the tasks to run, or none."""
        if context["params"]["force"]:
            return list(self.get_direct_relative_ids(upstream=False))
        chosen = super().choose_branch(context)
        if not chosen:
            report(self.task_id, ["skipped: there is a later day. Set force to load the file of this one"])
        return chosen


class WaitForDailyFileOperator(BaseOperator):
    """Wait until the file of the day is there and complete; DataFileError if it is not in time, or cut off."""

    def __init__(self, *, folder: str, **options: Any) -> None:
        super().__init__(**options)
        self.folder = folder

    def execute(self, context: Context) -> None:
        """Defer to the trigger, which looks for the file."""
        pipeline = load_pipeline(Path(self.folder))
        path = daily_file(pipeline, context)
        trigger = DailyFileTrigger(str(path), pipeline.seed.daily_wait_seconds)
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002, the signature is Airflow's
        """Report the file, or raise the trigger's error."""
        raise_failure(event)
        report(self.task_id, [event["detail"]])


class DailyFileTrigger(BaseTrigger):
    """Fire once: when the file is complete, when it is cut off, or after `timeout_seconds`.

    The file must be visible for the triggerer. The event has `detail`, and for a failure also `error` (the class).
    """

    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path
        self.timeout_seconds = timeout_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which the triggerer stores."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"path": self.path, "timeout_seconds": self.timeout_seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for the file until the trigger fires."""
        begun, last = time.monotonic(), ""
        while True:
            try:
                missing = await asyncio.to_thread(missing_for_load, Path(self.path))
            except DataFileError as error:
                yield _failure(str(error))
                return
            if missing is None:
                yield TriggerEvent({"detail": f"{self.path}: complete"})  # type: ignore[no-untyped-call]
                return
            if time.monotonic() - begun >= self.timeout_seconds:
                yield _failure(
                    f"{self.path}: {missing} after {self.timeout_seconds:,.0f} s. Expected the file of the day. "
                    "Deliver it and clear this task, or set daily_wait or daily_at in pipeline.yaml."
                )
                return
            if missing != last:
                self.log.info("waiting for %s: %s", self.path, missing)
                last = missing
            await asyncio.sleep(POLL_SECONDS)


def missing_for_load(path: Path) -> str | None:
    """Return what is missing for a file to be loaded, or None; DataFileError if it is complete but cut off."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return "it does not exist"
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror}. Fix its path or permissions.") from error
    if time.time() - found.st_mtime < QUIET_SECONDS:
        return "it is still being written"
    if not found.st_size:
        return "it is empty"
    with path.open("rb") as file:
        file.seek(-1, 2)
        if file.read() != b"\n":
            raise DataFileError(
                f"{path}: does not end with a line break, so it may be cut off. Nothing was changed. Deliver the whole "
                "file, with a line break at its end."
            )
    return None


def _failure(detail: str) -> TriggerEvent:
    return TriggerEvent({"error": DataFileError.__name__, "detail": detail})  # type: ignore[no-untyped-call]
