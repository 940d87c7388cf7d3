"""The version has one source, pyproject.toml. Every copy agrees with it."""

from __future__ import annotations

import tomllib

import pytest
import yaml

from infra.settings import ROOT, load_settings
from infra.setup.release import version_places

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
# A user meets the version here; `version_places` must not lose sight of any of these.
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


def test_release_finds_every_file_where_users_meet_the_version() -> None:
    assert version_places().keys() >= KNOWN


def test_chart_image_and_compose_as_their_readers_see_them() -> None:
    chart = yaml.safe_load((ROOT / "helm/olympic-streaming/Chart.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
    images = [service["image"] for service in compose["services"].values()]
    ours = {image.partition(":-")[2].rstrip("}") for image in images if ":-olympic-streaming/" in image}

    assert {str(chart["version"]), str(chart["appVersion"])} == {VERSION}
    assert load_settings({}).kubernetes.image == f"olympic-streaming/flink:{VERSION}"
    assert {image.partition(":")[2] for image in ours} == {VERSION}
