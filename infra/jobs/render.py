"""The desired state of each job of a pipeline, rendered from the pipeline definition."""

from __future__ import annotations

import json

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.jobs.job import JobSpec, Secret
from infra.pipeline import Pipeline
from infra.pipeline.definition import SPLIT_ROWS
from infra.pipeline.naming import job_name, secret_name


def render_job(
    pipeline: Pipeline, job: str, kafka: KafkaEndpoint, mysql: MySqlEndpoint | None, image: str = ""
) -> JobSpec:
    """Return the job with its job scripts read and its arguments filled in.

    `mysql` is the server as the CDC user sees it; None if the pipeline starts from a topic.
    """
    definition = pipeline.jobs[job]
    arguments = {**definition.arguments, "bootstrap_servers": kafka.bootstrap_servers}
    secrets = {}
    if mysql and "mysql" in definition.uses:
        arguments |= {
            "mysql_host": mysql.host,
            "mysql_port": str(mysql.port),
            "mysql_user": mysql.user,
            "mysql_database": pipeline.mysql_source.database,
            "server_ids": pipeline.mysql_source.server_ids,
            **_table_arguments(pipeline),
        }
        secrets = {"MYSQL_PASSWORD": Secret(mysql.password, secret_name(pipeline.name, "cdc"), "password")}
    return JobSpec(
        name=job_name(pipeline.name, job),
        script=pipeline.path(definition.script).name,
        files={path.name: path.read_bytes() for path in pipeline.job_files(job)},
        arguments=arguments,
        configuration=dict(definition.configuration),
        parallelism=definition.parallelism,
        image=image,
        secrets=secrets,
    )


def _table_arguments(pipeline: Pipeline) -> dict[str, str]:
    """Return the arguments about the source table, or about the captured tables with their keys.

    So another table, or another key, is another revision of the job.
    """
    source = pipeline.mysql_source
    if source.table:
        return {"mysql_table": source.table}
    tables = {
        table.name: {"key": table.key, "split_by": table.split_by, "latin1": table.latin1}
        for table in pipeline.captured
    }
    return {
        "mysql_tables": json.dumps(tables),
        "topic_prefix": source.topics.prefix if source.topics else "",
        "split_rows": str(SPLIT_ROWS),
    }
