"""Bringing the platform up with Docker Compose, and taking it down."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Callable
from typing import Any

from infra.errors import SetupError
from infra.pipeline import databases_of, load_valid_pipelines
from infra.settings import Settings, whole_environment
from infra.stacks.compose.engine import LOG_LINES, Compose, check_engine, volume_exists
from infra.stacks.compose.secrets import compose_dir, ensure_secrets, have_secrets

REPOSITORY = "olympic-streaming"
# In the order of their build: the last is made of the others.
OURS = ("flink", "airflow", "airflow-session")
WAIT_SECONDS = 420

Report = Callable[[str], None]


def up(settings: Settings, compose: Compose, report: Report) -> str:
    """Images, secrets and containers; returns the address of Airflow's UI. SetupError says what is in the way."""
    check_engine()
    config = compose.config()
    _check_secrets_fit(settings, config)
    databases = databases_of(load_valid_pipelines(settings.root / "flink_jobs"))
    report(f"secrets: {ensure_secrets(settings, databases)}")
    build_images(settings, {service["image"] for service in config["services"].values()}, report)
    before = _running(compose)
    report("containers: starting; Airflow takes about a minute")
    if compose.show("up", "--detach", "--wait", "--wait-timeout", str(WAIT_SECONDS), "--remove-orphans"):
        raise SetupError(_why_not_up(compose))
    for name, container in sorted(_running(compose).items()):
        report(f"{name}: {'unchanged' if before.get(name) == container else 'started'}")
    return f"http://{published(compose, 'airflow', 8080)}"


def down(settings: Settings, compose: Compose, volumes: bool, report: Report) -> None:
    """Removes the containers; with `volumes` also all data, and the passwords that it knows."""
    check_engine()
    if compose.show("down", "--remove-orphans", *(["--volumes"] if volumes else [])):
        raise SetupError("docker compose down failed; the reason is above")
    if volumes:
        shutil.rmtree(compose_dir(settings), ignore_errors=True)
    report("containers: removed; " + ("data and secrets too" if volumes else "the data is kept"))


def published(compose: Compose, service: str, port: int) -> str:
    """`address:port` at which a service's port is reached from this machine."""
    return compose.run("port", service, str(port)).strip()


def build_images(settings: Settings, wanted: set[str], report: Report) -> None:
    """Those of ours that the file asks for, from this checkout; another image is taken as it is, or pulled."""
    version = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    ours = [name for name in OURS if f"{REPOSITORY}/{name}:{version}" in wanted]
    if "airflow-session" in ours:
        ours = list(OURS)
    if not ours:
        return
    report(f"images: building {', '.join(ours)}; minutes at first, seconds when nothing changed")
    tools = {"IMAGE_BUILD_COMMAND": "docker build", "IMAGE_REPOSITORY": REPOSITORY, "IMAGE_TAG": version}
    command = ["bash", "docker/build.sh", *(f"docker/{name}" for name in ours)]
    result = subprocess.run(
        command, env={**whole_environment(), **tools}, cwd=settings.root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-LOG_LINES:])
        raise SetupError(f"the images could not be built:\n{tail}\nMend the cause, then run `make compose-up` again.")


def _check_secrets_fit(settings: Settings, config: dict[str, Any]) -> None:
    """A database remembers its first passwords; with new ones nobody gets in."""
    volume = config["volumes"]["mysql-data"]["name"]
    if not have_secrets(settings) and volume_exists(volume):
        raise SetupError(
            f"the volume {volume} holds a database whose passwords are gone from {compose_dir(settings)}. Bring that "
            "folder back, or remove the data as well: make compose-down VOLUMES=1"
        )


def _running(compose: Compose) -> dict[str, tuple[str, str]]:
    """What runs: id and time of the start, by the container's name."""
    containers = [entry for entry in compose.containers() if entry["State"] == "running"]
    return {entry["Name"]: (entry["ID"], entry["CreatedAt"]) for entry in containers}


def _why_not_up(compose: Compose) -> str:
    """What is not as it should be, and the end of its log."""
    parts = []
    for entry in compose.containers():
        ended_well = entry["State"] == "exited" and entry["ExitCode"] == 0
        if not ended_well and entry["Health"] != "healthy":
            log = compose.run("logs", "--no-log-prefix", "--tail", str(LOG_LINES), entry["Service"]).rstrip()
            parts.append(f"{entry['Name']} is {entry['State']} {entry['Health']}. The end of its log:\n{log}")
    said = "\n".join(parts) or "docker compose says why above"
    return f"the containers did not become healthy.\n{said}\nMend the cause, then run `make compose-up` again."
