"""From a pipeline's spec to the deployment of each of its jobs."""

from __future__ import annotations

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.pipeline import Pipeline
from infra.targets.base import JobDeployment


def job_name(pipeline: Pipeline, job: str) -> str:
    """The name of a job on its platform, `<pipeline>.<job>`."""
    return f"{pipeline.name}.{job}"


def render_job(
    pipeline: Pipeline, job: str, kafka: KafkaEndpoint, mysql: MySqlEndpoint | None, image: str = ""
) -> JobDeployment:
    """A job with its files read and its arguments filled in; `mysql` is the server as the CDC user sees it, if any."""
    spec = pipeline.jobs[job]
    arguments = {**spec.arguments, "bootstrap_servers": kafka.bootstrap_servers}
    secrets = {}
    if mysql and "mysql" in spec.uses:
        source = pipeline.mysql
        arguments |= {
            "mysql_host": mysql.host,
            "mysql_port": str(mysql.port),
            "mysql_user": mysql.user,
            "mysql_database": source.database,
            "mysql_table": source.table,
            "server_ids": source.server_ids,
        }
        secrets = {"MYSQL_PASSWORD": mysql.password}
    return JobDeployment(
        name=job_name(pipeline, job),
        script=pipeline.path(spec.script).name,
        files={path.name: path.read_bytes() for path in pipeline.job_files(job)},
        arguments=arguments,
        configuration=dict(spec.configuration),
        parallelism=spec.parallelism,
        image=image,
        secrets=secrets,
    )
