"""The entry point for Airflow's providers manager, validated with Airflow's own schema."""

from __future__ import annotations

import ast
import importlib.util
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from infra.provider import get_provider_info
from infra.settings import ROOT


def project() -> dict[str, object]:
    content: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return content


def test_provider_info_conforms_to_the_schema_of_airflow() -> None:
    spec = importlib.util.find_spec("airflow")  # find the package without importing it
    assert spec is not None
    assert spec.origin is not None
    schema = json.loads(Path(spec.origin).with_name("provider_info.schema.json").read_text(encoding="utf-8"))

    jsonschema.validate(get_provider_info(), schema)

    assert get_provider_info().keys() <= schema["properties"].keys()


def test_entry_point_and_package_name_are_those_of_pyproject() -> None:
    # Airflow ignores a provider whose package name differs from the name of its distribution.
    assert project()["name"] == get_provider_info()["package-name"]
    assert project()["entry-points"] == {
        "apache_airflow_provider": {"provider_info": f"{get_provider_info.__module__}:{get_provider_info.__name__}"}
    }


@pytest.mark.parametrize("link", get_provider_info()["extra-links"])
def test_extra_link_is_a_class_of_its_module(link: str) -> None:
    module, _, name = link.rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))

    assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
