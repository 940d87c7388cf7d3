"""Our errors in Airflow's terms."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from infra.errors import (
    CheckFailedError,
    DefinitionError,
    InconclusiveError,
    PlatformError,
    StillWaitingError,
    UnreachableError,
)
from infra.orchestration.failures import airflow_failures


@pytest.mark.parametrize("error", [DefinitionError("wrong\nspec"), CheckFailedError("3 rows differ")])
def test_terminal_error_fails_the_task_without_a_retry(error: PlatformError) -> None:
    with pytest.raises(AirflowFailException) as caught, airflow_failures("seed_mysql"):
        raise error

    assert str(caught.value) == f"{type(error).__name__}: {error}"
    assert caught.value.__cause__ is error


def test_inconclusive_check_is_skipped() -> None:
    with pytest.raises(AirflowSkipException, match=r"^rows keep changing$"), airflow_failures("seed_mysql"):
        raise InconclusiveError("rows keep changing")


@pytest.mark.parametrize("error", [UnreachableError("down"), StillWaitingError("late"), ValueError("a bug")])
def test_everything_else_passes_to_the_retries(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, airflow_failures("seed_mysql"):
        raise error

    assert caught.value is error
    assert not isinstance(caught.value, AirflowException)


def test_without_an_error_nothing_happens() -> None:
    with airflow_failures("seed_mysql"):
        pass


@pytest.mark.parametrize(
    ("error", "level"), [(CheckFailedError("2 rows differ\n  Alex"), "ERROR"), (UnreachableError("down"), "WARNING")]
)
def test_every_line_is_said_as_one_of_the_step(
    error: PlatformError, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Exception, match=str(error).split("\n", maxsplit=1)[0]), airflow_failures("check_outputs"):
        raise error

    assert [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "infra.steps"] == [
        (level, f"check_outputs: {type(error).__name__}: {line}") for line in str(error).splitlines()
    ]
