"""Our errors in Airflow's terms: a terminal one is not tried again, an inconclusive check is skipped, the rest is retried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from infra.errors import InconclusiveError, TerminalError


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Terminal errors fail the task at once, InconclusiveError skips it; transient ones pass through to the retries."""
    try:
        yield
    except TerminalError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    except InconclusiveError as error:
        raise AirflowSkipException(str(error)) from error
