"""What a pipeline is: its typed spec, and the loader with its exact errors."""

from infra.spec.loader import SPEC_FILE, find_pipelines, load_pipeline, load_sound_pipelines
from infra.spec.model import Check, Job, MySqlSource, Pipeline, ResultTable, Source, Topic

__all__ = [
    "SPEC_FILE",
    "Check",
    "Job",
    "MySqlSource",
    "Pipeline",
    "ResultTable",
    "Source",
    "Topic",
    "find_pipelines",
    "load_pipeline",
    "load_sound_pipelines",
]
