"""The captured tables of a run: its preflight finds them once, so that all tasks of the run agree on them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from airflow.sdk import Context

from infra.errors import DefinitionError
from infra.pipeline import CapturedTable, Pipeline

# Of a deployment all tables, of a reload the one that is read again.
_TASKS = ("preflight_cdc", "preflight_reload")
_KEY = "tables"


def remember_tables(context: Context, tables: tuple[CapturedTable, ...]) -> None:
    """Store the tables for the later tasks of the run."""
    context["ti"].xcom_push(key=_KEY, value=[asdict(table) for table in tables])


def with_tables_of_run(pipeline: Pipeline, context: Context) -> Pipeline:
    """Return the pipeline with the tables that this run has found; unchanged if it does not capture any."""
    if pipeline.source.mysql is None or not pipeline.source.mysql.tables:
        return pipeline
    pulled: list[Any] = [context["ti"].xcom_pull(task_ids=task, key=_KEY) for task in _TASKS]
    found = next(filter(None, pulled), None)
    if not found:
        raise DefinitionError(
            f"pipeline {pipeline.name}: the tables of this run are not known. Clear the task {' or '.join(_TASKS)}, "
            "which finds them."
        )
    return pipeline.with_tables([_table(**values) for values in found])


def _table(
    name: str, key: list[str], split_by: str, latin1: list[str], columns: list[tuple[str, str, int]]
) -> CapturedTable:
    found = tuple((column, kind, scale) for column, kind, scale in columns)
    return CapturedTable(name, tuple(key), split_by, tuple(latin1), found)
