"""The preflight of a pipeline's source, which is one table or many."""

from __future__ import annotations

from infra.endpoints import MySqlEndpoint
from infra.mysql.preflight import INTERCEPTOR, check_cdc_ready
from infra.mysql.preflight_tables import TablesReady, check_tables_ready
from infra.pipeline import Pipeline, load_valid_pipelines


def check_source_ready(pipeline: Pipeline, cdc: MySqlEndpoint) -> TablesReady:
    """Check everything that change data capture requires, and return one line for each check, and captured tables.

    PreflightError lists every failure and its fix.
    """
    source, others = pipeline.mysql_source, server_ids_of_others(pipeline)
    if not source.table:
        return check_tables_ready(cdc, source, others)
    without = files_without(pipeline, INTERCEPTOR)
    lines = check_cdc_ready(cdc, source.database, source.table, source.server_ids, others, without_interceptor=without)
    return TablesReady((), tuple(lines))


def server_ids_of_others(pipeline: Pipeline) -> dict[str, str]:
    """Return the server ids of the other pipelines by name, except those with an invalid definition."""
    others = [other for other in load_valid_pipelines(pipeline.folder.parent) if other.folder != pipeline.folder]
    return {other.name: other.mysql_source.server_ids for other in others if other.source.mysql}


def files_without(pipeline: Pipeline, option: str) -> list[str]:
    """Return the job scripts that create a table of the CDC connector without this option."""
    names = [name for name, job in pipeline.jobs.items() if "mysql" in job.uses]
    texts = {path.name: path.read_text(encoding="utf-8") for name in names for path in pipeline.job_files(name)}
    return [name for name, text in texts.items() if "'mysql-cdc'" in text and option not in text]
