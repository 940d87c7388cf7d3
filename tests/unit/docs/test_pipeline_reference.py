"""The generated pages are current, and the shipped definitions agree with the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from infra.mysql.column_types import TYPES_FILE
from infra.mysql.types_page import render_types
from infra.pipeline import find_pipelines
from infra.pipeline.reference import REFERENCE_FILE, SCHEMA_FILE, render_reference, render_schema
from infra.refusals import REFUSALS_FILE, render_refusals
from infra.settings import ROOT

SCHEMA = json.loads(render_schema())


PAGES = {
    REFERENCE_FILE: render_reference(),
    SCHEMA_FILE: render_schema(),
    TYPES_FILE: render_types(),
    REFUSALS_FILE: render_refusals(),
}


@pytest.mark.parametrize(("name", "text"), PAGES.items())
def test_page_is_current(name: str, text: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == text, "run `make docs` and commit the result"


@pytest.mark.parametrize("folder", find_pipelines(ROOT / "flink_jobs"), ids=lambda folder: folder.name)
def test_shipped_definition_agrees_with_the_schema(folder: Path) -> None:
    jsonschema.validate(yaml.safe_load((folder / "pipeline.yaml").read_text(encoding="utf-8")), SCHEMA)


def test_every_key_has_a_meaning() -> None:
    parts = {"Pipeline": SCHEMA, **SCHEMA["$defs"]}

    assert [
        f"{part}.{key}"
        for part, schema in parts.items()
        for key, value in schema["properties"].items()
        if not value.get("description")
    ] == []
