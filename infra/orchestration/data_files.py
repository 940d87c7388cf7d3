"""The data file that a user of a DAG names: which files are allowed, and what a template can contain.

Whoever may trigger a DAG is not always allowed to read what its worker can read: files of the machine, connections,
variables. So a file must be below one of the configured folders, and a template can use dates and params only.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk import Context
from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from infra.errors import DataFileError
from infra.pipeline import Pipeline
from infra.settings import load_settings

# Names of Airflow's context (https://airflow.apache.org/docs/apache-airflow/stable/templates-ref.html).
_TEXTS = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
_DATES = ("logical_date", "data_interval_start", "data_interval_end")
_MACROS = ("ds_add", "ds_format")


def daily_file(pipeline: Pipeline, context: Context) -> Path:
    """Return the file of a daily reload's day; DataFileError if it is not allowed."""
    return checked_file(pipeline, render_data_file(context["params"]["data_file"], context))


def checked_file(pipeline: Pipeline, data_file: str) -> Path:
    """Return the file, links resolved, relative to the pipeline's folder.

    DataFileError if it is neither below that folder nor below one of `data_files.roots`, whether it exists or not.
    """
    roots = [pipeline.folder.resolve(), *load_settings().data_file_roots]
    path = pipeline.path(data_file).resolve()
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(map(str, roots))
        raise DataFileError(
            f"data_file {data_file!r}: is outside of the allowed folders. Expected a file below one of: {allowed}. "
            "Move the file, or ask an administrator to add its folder to data_files.roots."
        )
    return path


def render_data_file(template: str, context: Context) -> str:
    """Return the data file of a run's logical date; Airflow does not render templates in params.

    DataFileError if the template is invalid, or uses more than the dates and params of the run.
    """
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    try:
        return environment.from_string(template).render(_variables(context))
    except UndefinedError as error:
        raise DataFileError(
            f"data_file {template!r}: {error}. Expected dates such as ds, or params, in a run with a "
            "logical date. Set the date, or name a file without a template."
        ) from None
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        raise DataFileError(
            f"data_file {template!r}: {error}. Expected a template with dates of the run, such as ds. Fix it."
        ) from None


def _variables(context: Context) -> dict[str, Any]:
    values: dict[str, Any] = {name: str(context[name]) for name in _TEXTS if context.get(name)}  # type: ignore[literal-required]
    values |= {name: context[name] for name in _DATES if context.get(name)}  # type: ignore[literal-required]
    macros = {name: getattr(context["macros"], name) for name in _MACROS if "macros" in context}
    return {**values, "macros": SimpleNamespace(**macros), "params": dict(context.get("params") or {})}
