"""The desired state of each job of a pipeline, rendered from the pipeline definition."""

from __future__ import annotations

import json

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.jobs.job import JobSpec
from infra.jobs.logins import kafka_login, mysql_login
from infra.pipeline import Pipeline
from infra.pipeline.definition import SPLIT_ROWS
from infra.pipeline.naming import job_name, kafka_secret_name, reload_topic, secret_name

# The job script `capture_tables.py` reads it from its folder.
TABLES_FILE = "captured_tables.json"


def render_job(
    pipeline: Pipeline, job: str, kafka: KafkaEndpoint, mysql: MySqlEndpoint | None, secrets: str, image: str = ""
) -> JobSpec:
    """Return the job with its job scripts read and its arguments filled in.

    `mysql` is the server as the CDC user sees it; None if the pipeline starts from a topic. `secrets` is the target's
    folder of secrets. SettingsError if a job cannot log in as a connection says.
    """
    definition, name = pipeline.jobs[job], job_name(pipeline.name, job)
    files = {path.name: path.read_bytes() for path in pipeline.job_files(job)}
    login = kafka_login(kafka, kafka_secret_name(pipeline.name), f"{secrets}/{name}")
    arguments = {**definition.arguments, "bootstrap_servers": kafka.bootstrap_servers}
    if login.properties:
        arguments["kafka_properties"] = json.dumps(login.properties, sort_keys=True)
    found = login.secrets
    if mysql and "mysql" in definition.uses:
        arguments |= {
            "mysql_host": mysql.host,
            "mysql_port": str(mysql.port),
            "mysql_user": mysql.user,
            "mysql_database": pipeline.mysql_source.database,
            "server_ids": pipeline.mysql_source.server_ids,
            **_table_arguments(pipeline),
        }
        if pipeline.captured:
            files[TABLES_FILE] = _captured_tables(pipeline)
        login = mysql_login(mysql, secret_name(pipeline.name, "cdc"), f"{secrets}/{name}")
        arguments["mysql_password"] = login.password
        if login.properties:
            arguments["mysql_properties"] = json.dumps(login.properties, sort_keys=True)
        found += login.secrets
    return JobSpec(
        name=name,
        script=pipeline.path(definition.script).name,
        files=files,
        arguments=arguments,
        configuration=dict(definition.configuration),
        parallelism=definition.parallelism,
        image=image,
        secrets=found,
    )


def _table_arguments(pipeline: Pipeline) -> dict[str, str]:
    source = pipeline.mysql_source
    if source.table:
        return {"mysql_table": source.table}
    return {
        "topic_prefix": source.topics.prefix if source.topics else "",
        "split_rows": str(SPLIT_ROWS),
        "schema_changes": source.schema_changes,
        "reloads": reload_topic(pipeline.name),
    }


def _captured_tables(pipeline: Pipeline) -> bytes:
    """Return the file with the captured tables, so that another table, key or column is another revision of the job.

    An argument can have 128 KiB, which hundreds of tables would exceed.
    """
    tables = {
        table.name: {"key": table.key, "split_by": table.split_by, "columns": table.columns, "latin1": table.latin1}
        for table in pipeline.captured
    }
    return json.dumps(tables).encode()
