"""The chart as `helm template` renders it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import ROOT

CHART = ROOT / "helm" / "olympic-streaming"
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))

Objects = list[dict[str, Any]]
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Run `helm` with arguments; its output is text."""
    program = shutil.which("helm")
    if program is None:
        pytest.skip("helm is not installed: https://helm.sh/docs/intro/install/")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Callable[[Path], Objects]:
    """Return all objects of the chart for a values file."""

    def rendered(values: Path) -> Objects:
        result = helm("template", "trial", CHART, "--namespace", "games", "--values", values)
        assert result.returncode == 0, result.stderr
        return [document for document in yaml.safe_load_all(result.stdout) if document]

    return rendered


@pytest.fixture(params=CI_VALUES, ids=lambda path: path.stem)
def objects(request: pytest.FixtureRequest, render: Callable[[Path], Objects]) -> Objects:
    """The objects for each values file in turn."""
    return render(request.param)


@pytest.fixture
def default_objects(render: Callable[[Path], Objects]) -> Objects:
    return render(CHART / "ci" / "default-values.yaml")
