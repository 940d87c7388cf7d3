"""The Airflow DAG `<pipeline>_reload` of every pipeline that captures tables: read one of them again.

    wait_for_other_runs ── preflight_reload ── check_jobs_running ── reload_table ── check_outputs

The job keeps running, and the other tables are not read again.
"""

from pathlib import Path

from airflow.sdk import DAG, Param, chain

from infra.errors import DefinitionError
from infra.orchestration import tasks
from infra.orchestration.dag_arguments import RUN_TIMEOUT, dag_arguments, target_param
from infra.pipeline import Pipeline, find_pipelines, load_pipeline


def reload_dag(pipeline: Pipeline) -> DAG:
    """Return the DAG: the job reads the table again, then its topic is compared with it."""
    folder = str(pipeline.folder)
    with DAG(
        dag_id=f"{pipeline.name}_reload",
        schedule=None,
        is_paused_upon_creation=False,
        doc_md=describe(pipeline),
        params={
            "target": target_param(),
            "table": Param(
                type="string",
                minLength=1,
                title="Table",
                description=f"One of the captured tables: {', '.join(pipeline.mysql_source.tables)}.",
            ),
            "where": Param(
                None,
                type=["null", "string"],
                title="Where",
                description="SQL after WHERE, such as created >= '2026-02-01'. Empty: all rows.",
            ),
        },
        **dag_arguments(pipeline),
    ) as dag:
        chain(
            tasks.wait_for_other_runs(f"{pipeline.name}_deploy", gives_way=True),
            tasks.preflight_reload(folder),
            tasks.check_jobs_running(folder),
            tasks.reload_table.override(execution_timeout=RUN_TIMEOUT)(folder),
            tasks.check_outputs(folder),
        )
    return dag


def describe(pipeline: Pipeline) -> str:
    """Return the DAG's documentation for the UI."""
    return f"""### Read a table of {pipeline.name} again
The running job reads the table part by part between the changes of its stream, and writes every row to its topic; an
old row never follows a newer one. Without a condition, rows of the topic that the table does not have are deleted. The
other tables are not read again, and no job is restarted. At the end the topic is compared with the table.
"""


for folder in find_pipelines(Path(__file__).resolve().parent.parent / "flink_jobs"):
    try:
        pipeline = load_pipeline(folder)
    except DefinitionError:
        continue  # its deployment shows the error
    if pipeline.source.mysql and pipeline.source.mysql.tables:
        globals()[f"{folder.name}_reload"] = reload_dag(pipeline)
