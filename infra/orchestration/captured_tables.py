"""The captured tables of a run: `preflight_cdc` finds them once, so that all tasks of the run agree on them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from airflow.sdk import Context

from infra.errors import DefinitionError
from infra.pipeline import CapturedTable, Pipeline

_TASK = "preflight_cdc"
_KEY = "tables"


def remember_tables(context: Context, tables: tuple[CapturedTable, ...]) -> None:
    """Store the tables for the later tasks of the run."""
    context["ti"].xcom_push(key=_KEY, value=[asdict(table) for table in tables])


def with_tables_of_run(pipeline: Pipeline, context: Context) -> Pipeline:
    """Return the pipeline with the tables that this run has found; unchanged if it does not capture any."""
    if pipeline.source.mysql is None or not pipeline.source.mysql.tables:
        return pipeline
    found: Any = context["ti"].xcom_pull(task_ids=_TASK, key=_KEY)
    if not found:
        raise DefinitionError(
            f"pipeline {pipeline.name}: the tables of this run are not known. Clear the task {_TASK}, which finds them."
        )
    return pipeline.with_tables([_table(**values) for values in found])


def _table(
    name: str, key: list[str], split_by: str, latin1: list[str], columns: list[tuple[str, str, int]]
) -> CapturedTable:
    found = tuple((column, kind, scale) for column, kind, scale in columns)
    return CapturedTable(name, tuple(key), split_by, tuple(latin1), found)
