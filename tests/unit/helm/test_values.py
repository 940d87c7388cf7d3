"""values.yaml agrees with the pipeline folders, the table in the chart's README, and the schema."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli.helm_values import pipelines_values, render_values
from infra.cli.main import main
from infra.errors import PlatformError
from infra.settings import ROOT
from tests.unit.helm.conftest import CHART, Helm
from tests.unit.helm.values_file import Value, documented_values

VALUES = documented_values(CHART / "values.yaml")
ROW = re.compile(r"^\| (?P<key>[\w.]+) \| (?P<type>\w+) \| `(?P<default>.*?)` \| (?P<description>.*) \|$", re.MULTILINE)


def table() -> dict[str, Value]:
    """The rows of the README by key, with each default parsed."""
    rows = ROW.finditer((CHART / "README.md").read_text(encoding="utf-8"))
    return {row["key"]: Value(row["key"], json.loads(row["default"]), row["description"]) for row in rows}


def schema_of(path: str) -> dict[str, Any]:
    """The part of the schema for one value."""
    node: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    for key in path.split("."):
        node = node["properties"][key]
    return node


def test_default_pipelines_are_those_of_the_folders() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert values["pipelines"] == pipelines_values(ROOT / "flink_jobs")


def test_new_folder_is_in_the_generated_values(tmp_path: Path, helm: Helm) -> None:
    pipelines = tmp_path / "flink_jobs"
    shutil.copytree(ROOT / "flink_jobs", pipelines, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(pipelines / "olympics", pipelines / "winter_games")
    definition = pipelines / "winter_games" / "pipeline.yaml"
    text = definition.read_text(encoding="utf-8").replace("name: olympics\n", "name: winter_games\n", 1)
    definition.write_text(text.replace("database: olympics", "database: winter"), encoding="utf-8")
    values = tmp_path / "pipelines-values.yaml"
    values.write_text(render_values(pipelines), encoding="utf-8")

    rendered = helm("template", CHART, "--values", values)

    names = {item["metadata"]["name"] for item in yaml.safe_load_all(rendered.stdout) if item}
    assert names >= {"olympics-mysql-cdc", "winter-games-mysql-cdc"}


def test_invalid_definition_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pipeline.yaml").write_text("- broken", encoding="utf-8")
    with pytest.raises(PlatformError, match=r"broken/pipeline\.yaml"):
        pipelines_values(tmp_path)


def test_command_prints_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["helm-values"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["pipelines"] == pipelines_values(ROOT / "flink_jobs")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.path)
def test_value_is_described_alike_everywhere(value: Value) -> None:
    assert value.description, "values.yaml: no `# --` comment"
    assert table().get(value.path) == value, "README.md differs; run the command in helm/README.md"
    assert schema_of(value.path).get("description") == value.description, "values.schema.json differs"


def test_table_has_no_row_of_a_removed_value() -> None:
    assert list(table()) == [value.path for value in VALUES]


def test_types_of_the_table_are_those_of_the_values() -> None:
    rows = ROW.finditer((CHART / "README.md").read_text(encoding="utf-8"))
    assert {row["key"]: row["type"] for row in rows} == {value.path: value.type_name for value in VALUES}
