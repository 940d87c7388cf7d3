"""The package as somebody else gets it: a wheel from this checkout, in a fresh environment without PyFlink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from infra.settings import ROOT

UV = ROOT / ".venv" / "uv" / "bin" / "uv"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SHARE = Path("share") / "olympic-streaming"
ASK = """
import importlib.metadata, importlib.util, json, pathlib, infra
from infra.settings import load_settings
from infra.versions import load_versions
[entry_point] = [
    point for point in importlib.metadata.entry_points(group="apache_airflow_provider")
    if point.dist.name == "olympic-streaming"
]
print(json.dumps({
    "version": importlib.metadata.version("olympic-streaming"),
    "package": str(pathlib.Path(infra.__file__).parent),
    "typed": pathlib.Path(infra.__file__).with_name("py.typed").is_file(),
    "target": load_settings({}).deployment.target,
    "flink": load_versions().flink.flink,
    "provider": entry_point.load()()["package-name"],
    "pyflink": importlib.util.find_spec("pyflink") is not None,
}))
"""
LIST_PROVIDERS = """
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
print(manager.providers["olympic-streaming"].version, *manager.extra_links_class_names)
"""


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """The standard output of a command that sees neither this checkout nor this environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(command, cwd=cwd, env={**kept, **variables}, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build: list[str | Path] = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    run(*build, "--out-dir", folder, ROOT, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, and with the pins of requirements.txt for what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", folder / "venv" / "bin" / "python"]
    run(*install, "--constraint", ROOT / "requirements.txt", wheel, cwd=folder)
    return folder / "venv"


def tracked(*folders: str) -> set[str]:
    """The files of folders as git has them, new ones included."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *folders, cwd=ROOT).splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


def test_wheel_has_every_file_of_the_package_the_dags_and_the_jobs(wheel: Path) -> None:
    data = f"olympic_streaming-{PROJECT['version']}.data/data/{SHARE.as_posix()}/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix(data) for name in archive.namelist() if ".dist-info/" not in name}

    assert names == tracked("infra", "dags", "flink_jobs")


def test_installed_package_finds_its_own_data(environment: Path, tmp_path: Path) -> None:
    answer = json.loads(run(environment / "bin" / "python", "-c", ASK, cwd=tmp_path))

    assert Path(answer.pop("package")).is_relative_to(environment)
    assert answer.pop("flink") in str(PROJECT["optional-dependencies"]["local"])
    assert answer == {
        "version": PROJECT["version"],
        "typed": True,
        "target": "local",
        "provider": "olympic-streaming",
        "pyflink": False,
    }


def test_installed_command_line_shows_its_help(environment: Path, tmp_path: Path) -> None:
    assert "python -m infra" in run(environment / "bin" / "python", "-m", "infra", "--help", cwd=tmp_path)


def test_airflow_finds_the_provider_and_its_links(environment: Path, tmp_path: Path) -> None:
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "PYTHONWARNINGS": "ignore"}
    answer = run(environment / "bin" / "python", "-c", LIST_PROVIDERS, cwd=tmp_path, **home)

    version, *links = answer.splitlines()[-1].split()
    assert version == PROJECT["version"]
    assert "infra.orchestration.operators.FlinkJobLink" in links


def test_installed_dags_parse(environment: Path, tmp_path: Path) -> None:
    dags = environment / SHARE / "dags"
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    ask = f"import runpy; names = runpy.run_path({str(dags / 'deploy.py')!r}); print(*sorted(names))"
    answer = run(environment / "bin" / "python", "-c", ask, cwd=tmp_path, PYTHONWARNINGS="ignore", **home)

    pipelines = [path.parent.name for path in (ROOT / "flink_jobs").glob("*/pipeline.yaml")]
    assert {f"{name}_deploy" for name in pipelines} <= set(answer.split())
