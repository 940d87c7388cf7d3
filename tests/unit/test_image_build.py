"""docker/build.sh: the build context of each image, and the arguments of the build command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from infra.settings import ROOT
from infra.setup.functions import functions_jar
from infra.setup.jars import jars_root, lock_file, read_lock
from infra.versions import load_versions

# Replaces `docker build`: record the arguments, and the context, which is the last one.
RECORDER = """#!/bin/bash
printf '%s\\n' "$@" > "$RECORD/arguments"
cp -r "${@: -1}" "$RECORD/context"
"""


def build(folder: str, record: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    program = record / "build"
    program.write_text(RECORDER)
    program.chmod(0o755)
    variables = {"RECORD": str(record), "IMAGE_BUILD_COMMAND": str(program), **environ}
    command = ["bash", "docker/build.sh", folder]
    return subprocess.run(command, env={**os.environ, **variables}, cwd=ROOT, capture_output=True, text=True)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_context_of_flink_has_the_jars_of_the_lock_and_the_functions(tmp_path: Path) -> None:
    if not jars_root().is_dir():
        pytest.skip("the jars are missing; run `make setup`")
    result = build("docker/flink", tmp_path)

    assert result.returncode == 0, result.stderr
    jars = {f"jars/{jar.file}" for jar in read_lock(lock_file("jars")) if jar.jar_set == "flink"}
    functions = f"jars/{functions_jar().name}"
    assert files(tmp_path / "context") == {"Dockerfile", "docker-entrypoint.sh", "requirements.txt", functions, *jars}


def test_context_of_airflow_has_only_the_source(tmp_path: Path) -> None:
    result = build("docker/airflow", tmp_path)

    assert result.returncode == 0, result.stderr
    found = files(tmp_path / "context")
    assert {path.split("/")[0] for path in found} == {"Dockerfile", "requirements.txt", "source"}
    assert {path.split("/")[1] for path in found if path.startswith("source/")} == {"dags", "flink_jobs", "infra"}
    assert "source/infra/versions.toml" in found
    assert [path for path in found if path.endswith(".pyc") or "/.data/" in path] == []


def test_arguments_are_our_versions_and_those_of_the_caller(tmp_path: Path) -> None:
    build(
        "tests/kubernetes/images/mysql",
        tmp_path,
        IMAGE_BUILD_ARGS="--build-arg BASE=x/debian",
        IMAGE_TAG="7",
        IMAGE_REPOSITORY="r.example/y",
    )
    tools = load_versions().tools

    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:4] == ["--build-arg", "BASE=x/debian", "--tag", "r.example/y/mysql:7"]
    assert arguments[4:-1:2] == ["--build-arg"] * 3
    assert arguments[5:-1:2] == [f"PYTHON={tools.python}", f"JAVA={tools.java}", f"UV={tools.uv}"]


def test_airflow_session_is_built_from_our_two_images(tmp_path: Path) -> None:
    build("docker/airflow-session", tmp_path, IMAGE_BUILD_ARGS="", IMAGE_TAG="7", IMAGE_REPOSITORY="r.example/y")

    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[1:4:2] == ["AIRFLOW_IMAGE=r.example/y/airflow:7", "FLINK_IMAGE=r.example/y/flink:7"]
    assert files(tmp_path / "context") == {"Dockerfile"}


def test_unknown_image_is_named(tmp_path: Path) -> None:
    result = build("docker/postgres", tmp_path)
    assert (result.returncode, result.stderr) == (
        1,
        "images: docker/postgres/Dockerfile does not exist. Expected a folder with a Dockerfile.\n",
    )


def test_missing_build_command_names_the_fix(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "sed"):
        (tmp_path / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")
    environ = {"PATH": str(tmp_path), "IMAGE_BUILD_COMMAND": ""}
    result = subprocess.run(
        ["bash", "docker/build.sh", "docker/flink"], env=environ, cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == (
        "images: neither docker nor buildah is installed. Install one, or set IMAGE_BUILD_COMMAND.\n"
    )
