"""The tasks of the DAGs, thin: each calls one step. Nothing heavy is imported before a task runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import Context, get_current_context, task
from jinja2 import UndefinedError

from infra.errors import DataFileError
from infra.orchestration.failures import airflow_failures
from infra.pipeline import load_pipeline

CHECK_TIMEOUT_SECONDS = 180


@task
def provision_topics(folder: str) -> list[str]:
    """Brings the pipeline's topics to their spec; never deletes."""
    from infra.orchestration import steps

    with airflow_failures("provision_topics"):
        return steps.provision_topics(Path(folder))


@task
def seed_mysql(folder: str, data_file: str | None) -> list[str]:
    """Makes the table equal to the data file by the fewest changes, in one transaction."""
    from infra.orchestration import steps

    with airflow_failures("seed_mysql"):
        return steps.seed_mysql(Path(folder), *_file_and_rejects(data_file))


def _file_and_rejects(data_file: str | None) -> tuple[str | None, bool]:
    """The file to load, the day's where `data_file` is None, and whether it may have bad rows."""
    context = get_current_context()
    params = context["params"]
    path = data_file if data_file is not None else render_data_file(params["data_file"], context)
    return path or None, params["allow_rejects"]


def render_data_file(template: str, context: Context) -> str:
    """A template inside a param, which Airflow itself does not render: the daily reload's file by the logical date."""
    try:
        rendered: str = context["task"].render_template(template, context)
    except UndefinedError as error:
        raise DataFileError(
            f"data_file {template!r}: {error}; a run without a logical date has no day; give it one, or name a file"
        ) from None
    return rendered


@task
def publish_records(folder: str, data_file: str | None) -> list[str]:
    """Makes the source topic hold every line of the data file, each once."""
    from infra.orchestration import steps

    with airflow_failures("publish_records"):
        return steps.publish_records(Path(folder), *_file_and_rejects(data_file))


@task
def preflight_cdc(folder: str) -> list[str]:
    """Checks what reading the binlog needs; each failure says how to mend it."""
    from infra.orchestration import steps

    with airflow_failures("preflight_cdc"):
        return steps.preflight_cdc(Path(folder))


@task
def create_configmaps(folder: str) -> list[str]:
    """Stages the script bundle of every job by revision: a folder on `local`, a ConfigMap on `kubernetes`."""
    from infra.orchestration import steps

    with airflow_failures("create_configmaps"):
        return steps.create_configmaps(Path(folder), get_current_context()["params"]["target"])


@task
def check_jobs_running(folder: str) -> list[str]:
    """A reload restarts nothing: a job that does not run is an error that names the deploy DAG."""
    from infra.orchestration import steps

    with airflow_failures("check_jobs_running"):
        return steps.check_jobs_running(Path(folder), get_current_context()["params"]["target"])


@task
def check_outputs(folder: str) -> dict[str, Any]:
    """Waits until every result topic agrees with the recomputation from the source, and reports."""
    from infra.orchestration import steps

    with airflow_failures("check_outputs"):
        return steps.check_outputs(Path(folder), get_current_context()["params"]["target"], CHECK_TIMEOUT_SECONDS)


@task
def check_conservation(folder: str) -> dict[str, int]:
    """Waits until every record of the source topic has one outcome, and reports how many have which."""
    from infra.orchestration import steps

    with airflow_failures("check_conservation"):
        return steps.check_conservation(Path(folder), CHECK_TIMEOUT_SECONDS)


@task
def republish_quarantine(root: str) -> list[str]:
    """Publishes quarantined records of the pipeline that the params name again, each once."""
    from infra.orchestration import steps

    params = get_current_context()["params"]
    with airflow_failures("republish_quarantine"):
        return steps.republish_quarantine(Path(root) / params["pipeline"], params["filter"], params["mapping"])


@task(retries=0)
def load_definition(folder: str) -> None:
    """Fails with what is wrong with the spec."""
    with airflow_failures("load_definition"):
        load_pipeline(Path(folder))
