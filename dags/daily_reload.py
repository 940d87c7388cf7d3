"""The Airflow DAG `<pipeline>_daily_reload` of every pipeline folder: the table follows the day's file, jobs run on."""

from pathlib import Path

from infra.errors import DefinitionError
from infra.orchestration.dags import broken_dag, reload_dag
from infra.pipeline import find_pipelines

for folder in find_pipelines(Path(__file__).resolve().parent.parent / "flink_jobs"):
    try:
        globals()[f"{folder.name}_daily_reload"] = reload_dag(folder)
    except DefinitionError as error:
        globals()[f"{folder.name}_daily_reload"] = broken_dag(folder, "daily_reload", error)
