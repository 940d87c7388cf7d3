"""The chart's value `pipelines`, read from the pipeline folders: `python -m infra helm-values`."""

from __future__ import annotations

from pathlib import Path

import yaml

from infra.pipeline import databases_of, find_pipelines, load_pipeline

HEADER = "# Generated from flink_jobs/*/pipeline.yaml; do not edit.\n"


def pipelines_values(root: Path) -> list[dict[str, str]]:
    """Return name and, for a MySQL source, database of every pipeline below `root`, sorted by name.

    DefinitionError if a pipeline definition is invalid: a chart without that pipeline would lack its connections.
    """
    databases = databases_of(load_pipeline(folder) for folder in find_pipelines(root))
    return [{"name": name, **({"database": database} if database else {})} for name, database in databases.items()]


def render_values(root: Path) -> str:
    """Return a Helm values file with the `pipelines` list."""
    return HEADER + yaml.safe_dump({"pipelines": pipelines_values(root)}, sort_keys=False)
