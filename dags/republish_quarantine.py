"""The Airflow DAG `republish_quarantine`, one for all pipelines that have a quarantine."""

from pathlib import Path

from infra.orchestration.dags import republish_dag

republish_quarantine = republish_dag(Path(__file__).resolve().parent.parent / "flink_jobs")
