"""The only source of the version is pyproject.toml, and every copy agrees with it."""

from __future__ import annotations

import tomllib

import pytest
import yaml

from infra.settings import ROOT, load_settings
from infra.setup.release import version_places

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
# Users read the version here, so `version_places` must find each of these files.
KNOWN = {
    "docker/compose.yaml",
    "docs/kubernetes.md",
    "helm/airflow-values.yaml",
    "helm/olympic-streaming/Chart.yaml",
    "infra/settings.toml",
    "pyproject.toml",
}


@pytest.mark.parametrize(("path", "versions"), version_places().items(), ids=list(version_places()))
def test_copy_of_the_version_is_that_of_pyproject(path: str, versions: set[str]) -> None:
    assert versions == {VERSION}, path


def test_release_finds_every_file_that_shows_the_version_to_users() -> None:
    assert version_places().keys() >= KNOWN


def test_chart_image_and_compose_have_the_version() -> None:
    chart = yaml.safe_load((ROOT / "helm/olympic-streaming/Chart.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
    images = [service["image"] for service in compose["services"].values()]
    ours = {image.partition(":-")[2].rstrip("}") for image in images if ":-olympic-streaming/" in image}

    assert {str(chart["version"]), str(chart["appVersion"])} == {VERSION}
    assert load_settings({}).kubernetes.image == f"olympic-streaming/flink:{VERSION}"
    assert {image.partition(":")[2] for image in ours} == {VERSION}
