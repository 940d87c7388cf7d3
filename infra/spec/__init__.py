"""What a pipeline is: its typed spec, and the loader with its exact errors."""

from infra.spec.loader import SPEC_FILE, databases_of, find_pipelines, load_pipeline, load_sound_pipelines
from infra.spec.model import Check, Conservation, Job, KafkaSource, MySqlSource, Pipeline, ResultTable, Source, Topic

__all__ = [
    "SPEC_FILE",
    "Check",
    "Conservation",
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
    "load_sound_pipelines",
]
