"""The platform on the Docker engine, with its own project, data directory and ports, all deleted at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.settings import ROOT
from infra.stacks.compose.engine import check_engine
from infra.stacks.compose.stack import REPOSITORY
from infra.stacks.local.private import free_ports
from tests.compose.airflow import Airflow
from tests.compose.engine import PROJECT, Project
from tests.support.checkout import copy_checkout
from tests.support.shop import DEFINITION

TAG = "compose-tests"
# Built if the environment does not name other images, because a registry may not be reachable.
TEST_IMAGES = {"KAFKA_IMAGE": "kafka", "MYSQL_IMAGE": "mysql"}


@dataclass(frozen=True)
class Platform:
    """The running platform, and the output of `make compose-up`."""

    project: Project
    airflow: Airflow
    flink: str
    output: list[str]


def ensure_test_images() -> dict[str, str]:
    """Return the images of Kafka and MySQL: those that the environment names, else test images, which are built."""
    missing = [name for variable, name in TEST_IMAGES.items() if not os.environ.get(variable)]
    variables = {"IMAGE_BUILD_COMMAND": "docker build", "IMAGE_REPOSITORY": REPOSITORY, "IMAGE_TAG": TAG}
    if missing:
        subprocess.run(
            ["bash", "docker/build.sh", *(f"tests/kubernetes/images/{name}" for name in missing)],
            env={**os.environ, **variables},
            cwd=ROOT,
            check=True,
            timeout=1200,
            stdout=subprocess.DEVNULL,
        )
    built = {variable: f"{REPOSITORY}/{name}:{TAG}" for variable, name in TEST_IMAGES.items() if name in missing}
    return {**{variable: os.environ[variable] for variable in TEST_IMAGES if variable not in built}, **built}


def checkout_with_shop(parent: Path) -> Path:
    """Return a checkout with the pipeline `shop`, from which everything is built."""
    root = copy_checkout(parent / "checkout", shop=DEFINITION)
    shutil.copytree(ROOT / "docker", root / "docker")
    for name in (".gitignore", "Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, root)
    subprocess.run(["git", "init", "--quiet", root], check=True)  # the images get the files that git does not ignore
    (root / ".venv").symlink_to(ROOT / ".venv")
    return root


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform after the first start; `olympics_deploy` has not run."""
    try:
        check_engine()
    except SetupError as error:
        pytest.skip(f"the tier compose needs a Docker engine: {error}")
    airflow_port, flink_port = free_ports(2)
    data_dir = tmp_path_factory.mktemp("compose") / "data"
    project = Project(
        checkout_with_shop(tmp_path_factory.mktemp("compose")),
        data_dir,
        {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "SECRETS_DIR": str(data_dir / "compose" / "mounted"),
            "OLYMPIC_STREAMING_DATA_DIR": str(data_dir),
            "AIRFLOW_PORT": str(airflow_port),
            "FLINK_PORT": str(flink_port),
            **ensure_test_images(),
        },
    )
    project.make("compose-down", VOLUMES="1")  # an interrupted run may have left something
    try:
        begun = time.monotonic()
        output = project.make("compose-up")
        print(f"compose-up from scratch: {time.monotonic() - begun:.0f} s")
        yield Platform(project, Airflow(f"http://127.0.0.1:{airflow_port}"), f"http://127.0.0.1:{flink_port}", output)
    finally:
        project.make("compose-down", VOLUMES="1")
    of_project = ("--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet")
    assert project.docker("ps", "--all", *of_project) == project.docker("volume", "ls", *of_project) == ""
    assert not (data_dir / "compose").exists()
