"""The Airflow DAG `<pipeline>_deploy` for every pipeline folder: a new folder of flink_jobs/ gets its own."""

from pathlib import Path

from infra.errors import DefinitionError
from infra.orchestration.dags import broken_dag, deploy_dag
from infra.pipeline import find_pipelines

for folder in find_pipelines(Path(__file__).resolve().parent.parent / "flink_jobs"):
    try:
        globals()[f"{folder.name}_deploy"] = deploy_dag(folder)
    except DefinitionError as error:
        globals()[f"{folder.name}_deploy"] = broken_dag(folder, "deploy", error)
