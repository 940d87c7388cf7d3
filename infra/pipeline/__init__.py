"""What a pipeline is: its typed spec, and the loader with its exact errors."""

from infra.pipeline.definition import (
    Audit,
    Check,
    Job,
    KafkaSource,
    MySqlSource,
    Pipeline,
    ResultTable,
    Source,
    Topic,
)
from infra.pipeline.loader import DEFINITION_FILE, databases_of, find_pipelines, load_pipeline, load_valid_pipelines

__all__ = [
    "DEFINITION_FILE",
    "Audit",
    "Check",
    "Job",
    "KafkaSource",
    "MySqlSource",
    "Pipeline",
    "ResultTable",
    "Source",
    "Topic",
    "databases_of",
    "find_pipelines",
    "load_pipeline",
    "load_valid_pipelines",
]
