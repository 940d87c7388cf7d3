"""The Airflow DAG `<pipeline>_daily_reload` of every pipeline: load the day's file while the jobs keep running.

only_latest_day ── wait_for_file ── wait_for_other_runs ── check_jobs_running
    ── seed_mysql or publish_records ── check_outputs ── audit_records

A run is for the day that has ended, and begins at the seed's `daily_at`. A pipeline that only reads its source does
not have this DAG.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param, chain
from airflow.timetables.interval import CronDataIntervalTimetable

from infra.errors import DefinitionError
from infra.orchestration import tasks
from infra.orchestration.dag_arguments import (
    ALLOW_DELETIONS,
    ALLOW_REJECTS,
    broken_dag,
    dag_arguments,
    data_file_description,
    target_param,
)
from infra.orchestration.daily_file import LatestDayOperator, WaitForDailyFileOperator
from infra.pipeline import Pipeline, find_pipelines, load_pipeline


def daily_reload_dag(pipeline: Pipeline) -> DAG:
    """Return the DAG: load the file of the logical date, then check the results; nothing is restarted."""
    folder, seed = str(pipeline.folder), pipeline.seed
    hour, minute = seed.daily_at.split(":")
    arguments = dag_arguments(pipeline)
    arguments["dagrun_timeout"] += timedelta(seconds=seed.daily_wait_seconds)
    with DAG(
        dag_id=f"{pipeline.name}_daily_reload",
        schedule=CronDataIntervalTimetable(f"{int(minute)} {int(hour)} * * *", timezone="UTC"),
        is_paused_upon_creation=True,  # until someone confirms that daily files are delivered
        doc_md=describe(pipeline),
        params={
            "target": target_param(),
            "data_file": Param(
                seed.daily_data,
                type="string",
                minLength=1,
                title="Data file",
                description="Template of the day's file with the logical date, relative to the pipeline's folder.",
            ),
            "allow_rejects": ALLOW_REJECTS,
            **({"allow_deletions": ALLOW_DELETIONS} if pipeline.source.mysql else {}),
            "force": Param(
                False,
                type="boolean",
                title="Force",
                description="Load the file of this day even if there is a later day.",
            ),
        },
        **arguments,
    ) as dag:
        load = tasks.publish_records if pipeline.source.kafka else tasks.seed_mysql
        checked = tasks.check_outputs.override(
            outlets=[tasks.result_asset(pipeline, topic) for topic in pipeline.checks]
        )
        chain(
            LatestDayOperator(task_id="only_latest_day", doc_md=LatestDayOperator.__doc__),
            WaitForDailyFileOperator(task_id="wait_for_file", folder=folder, doc_md=WaitForDailyFileOperator.__doc__),
            tasks.wait_for_other_runs(f"{pipeline.name}_deploy", gives_way=True),
            tasks.check_jobs_running(folder),
            load(folder, None),
            checked(folder),
            *([tasks.audit_records(folder)] if pipeline.audit else []),
        )
    return dag


def describe(pipeline: Pipeline) -> str:
    """Return the DAG's documentation for the UI."""
    return f"""### Reload {pipeline.name}
It loads the file of the day that has ended while the jobs keep running, then checks the results. It waits
{pipeline.seed.daily_wait} for the file, and skips a day that is not the latest.
The file: {data_file_description(pipeline)}.
It does not restart jobs; deploy with `{pipeline.name}_deploy` first.
"""


for folder in find_pipelines(Path(__file__).resolve().parent.parent / "flink_jobs"):
    try:
        pipeline = load_pipeline(folder)
        if pipeline.source.seed:
            globals()[f"{folder.name}_daily_reload"] = daily_reload_dag(pipeline)
    except DefinitionError as error:
        globals()[f"{folder.name}_daily_reload"] = broken_dag(folder, "daily_reload", error)
