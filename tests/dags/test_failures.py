"""The end of a failed task: retried or failed."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import RetryAction

from infra.errors import (
    CheckFailedError,
    DefinitionError,
    InconclusiveError,
    PlatformError,
    UnreachableError,
    WaitTimeoutError,
)
from infra.orchestration.failures import PlatformRetryPolicy
from infra.pipeline.naming import TASK_LOGGER


class Running:
    task_id = "check_outputs"


CONTEXT: Any = {"ti": Running()}


def decide(error: BaseException) -> RetryAction:
    return PlatformRetryPolicy().evaluate(error, 1, 3, CONTEXT).action


@pytest.mark.parametrize("error", [DefinitionError("wrong\nkey"), CheckFailedError("3 rows differ")])
def test_terminal_error_fails_the_task_without_a_retry(error: PlatformError) -> None:
    assert decide(error) is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [UnreachableError("down"), WaitTimeoutError("late"), InconclusiveError("rows keep changing"), ValueError("a bug")],
)
def test_every_other_error_is_left_to_the_retries(error: Exception) -> None:
    assert decide(error) is RetryAction.DEFAULT


@pytest.mark.parametrize(
    ("error", "level"), [(CheckFailedError("2 rows differ\n  Alex"), "ERROR"), (UnreachableError("down"), "WARNING")]
)
def test_every_line_of_an_error_is_logged_with_the_task(
    error: PlatformError, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    decide(error)

    assert [(record.levelname, record.getMessage()) for record in caplog.records if record.name == TASK_LOGGER] == [
        (level, f"check_outputs: {type(error).__name__}: {line}") for line in str(error).splitlines()
    ]


def test_policy_survives_serialization() -> None:
    policy = PlatformRetryPolicy()

    assert isinstance(PlatformRetryPolicy.deserialize(policy.serialize()), PlatformRetryPolicy)
