"""Start the platform with Docker Compose, and remove it again."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Callable
from typing import Any

from infra.errors import SetupError
from infra.pipeline import databases_of, load_valid_pipelines
from infra.settings import Settings, whole_environment
from infra.stacks.compose.engine import Compose, check_engine, volume_exists
from infra.stacks.compose.secrets import compose_dir, ensure_secrets, have_secrets
from infra.stacks.log_tail import LOG_TAIL_LINES, log_tail

REPOSITORY = "olympic-streaming"
# In build order: the last is built from the others.
OUR_IMAGES = ("flink", "airflow", "airflow-session")
READY_TIMEOUT_SECONDS = 420

Report = Callable[[str], None]


def up(settings: Settings, compose: Compose, report: Report) -> str:
    """Build images, create secrets, start containers, and return the address of Airflow's UI.

    SetupError if Docker is missing, a build fails, or a container does not become healthy.
    """
    check_engine()
    config = compose.config()
    _check_secrets_fit(settings, config)
    databases = databases_of(load_valid_pipelines(settings.root / "flink_jobs"))
    report(f"secrets: {ensure_secrets(settings, databases)}")
    build_images(settings, {service["image"] for service in config["services"].values()}, report)
    before = _running(compose)
    report("containers: starting; Airflow takes about a minute")
    if compose.show("up", "--detach", "--wait", "--wait-timeout", str(READY_TIMEOUT_SECONDS), "--remove-orphans"):
        raise SetupError(_why_not_up(compose))
    for name, container in sorted(_running(compose).items()):
        report(f"{name}: {'unchanged' if before.get(name) == container else 'started'}")
    return f"http://{published(compose, 'airflow', 8080)}"


def down(settings: Settings, compose: Compose, volumes: bool, report: Report) -> None:
    """Remove the containers; with `volumes` also all data and its passwords."""
    check_engine()
    if compose.show("down", "--remove-orphans", *(["--volumes"] if volumes else [])):
        raise SetupError("`docker compose down` failed; its output is above. Fix the cause, then try again.")
    if volumes:
        shutil.rmtree(compose_dir(settings), ignore_errors=True)
    report("containers: removed; " + ("data and secrets too" if volumes else "the data is kept"))


def published(compose: Compose, service: str, port: int) -> str:
    """Return the `address:port` of this machine at which a service's port is published."""
    return compose.run("port", service, str(port)).strip()


def build_images(settings: Settings, used: set[str], report: Report) -> None:
    """Build those of our images that are used, from this checkout; other images must exist or are pulled."""
    version = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    ours = [name for name in OUR_IMAGES if f"{REPOSITORY}/{name}:{version}" in used]
    if "airflow-session" in ours:
        ours = list(OUR_IMAGES)
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
        raise SetupError(
            f"the images could not be built. The end of the output:\n{log_tail(result.stdout)}\n"
            "Fix the cause, then run `make compose-up` again."
        )


def _check_secrets_fit(settings: Settings, config: dict[str, Any]) -> None:
    """Check that an existing database has its passwords, since it would reject new ones; SetupError if not."""
    volume = config["volumes"]["mysql-data"]["name"]
    if not have_secrets(settings) and volume_exists(volume):
        raise SetupError(
            f"volume {volume}: the passwords of its database are missing from {compose_dir(settings)}. "
            "Restore that folder, or delete the data with `make compose-down VOLUMES=1`."
        )


def _running(compose: Compose) -> dict[str, tuple[str, str]]:
    """Return id and creation time of every running container, by name."""
    containers = [entry for entry in compose.containers() if entry["State"] == "running"]
    return {entry["Name"]: (entry["ID"], entry["CreatedAt"]) for entry in containers}


def _why_not_up(compose: Compose) -> str:
    """Return the message for containers that did not become healthy, each with the end of its log."""
    parts = []
    for entry in compose.containers():
        succeeded = entry["State"] == "exited" and entry["ExitCode"] == 0
        if not succeeded and entry["Health"] != "healthy":
            log = compose.run("logs", "--no-log-prefix", "--tail", str(LOG_TAIL_LINES), entry["Service"]).rstrip()
            parts.append(f"{entry['Name']} is {entry['State']} {entry['Health']}. The end of its log:\n{log}")
    details = "\n".join(parts) or "The output of docker compose is above."
    return f"the containers did not become healthy.\n{details}\nFix the cause, then run `make compose-up` again."
