"""The pipeline definition as a typed value, and the loader that validates it."""

from infra.pipeline.definition import (
    Audit,
    CapturedTable,
    Check,
    Job,
    KafkaSource,
    MySqlSource,
    Pipeline,
    ResultTable,
    Seed,
    Source,
    TableCheck,
    TableSeed,
    TableTopics,
    Topic,
    TopicSeed,
)
from infra.pipeline.loader import DEFINITION_FILE, databases_of, find_pipelines, load_pipeline, load_valid_pipelines

__all__ = [
    "DEFINITION_FILE",
    "Audit",
    "CapturedTable",
    "Check",
    "Job",
    "KafkaSource",
    "MySqlSource",
    "Pipeline",
    "ResultTable",
    "Seed",
    "Source",
    "TableCheck",
    "TableSeed",
    "TableTopics",
    "Topic",
    "TopicSeed",
    "databases_of",
    "find_pipelines",
    "load_pipeline",
    "load_valid_pipelines",
]
