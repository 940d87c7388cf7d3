"""Our errors in Airflow's terms: terminal ones are not tried again, inconclusive checks skipped, the rest retried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from infra.errors import InconclusiveError, PlatformError, TerminalError

log = logging.getLogger("infra.steps")


@contextmanager
def airflow_failures(step: str) -> Iterator[None]:
    """Terminal errors fail the task at once, InconclusiveError skips it; transient ones pass through to the retries."""
    try:
        yield
    except PlatformError as error:
        level = logging.ERROR if isinstance(error, TerminalError) else logging.WARNING
        for line in str(error).splitlines():
            log.log(level, "%s: %s: %s", step, type(error).__name__, line)
        if isinstance(error, TerminalError):
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error
        if isinstance(error, InconclusiveError):
            raise AirflowSkipException(str(error)) from error
        raise
