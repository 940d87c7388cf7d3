"""The command lines of Docker and its Compose plugin."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from infra.errors import SetupError
from infra.settings import Settings, whole_environment
from infra.stacks.compose.secrets import mounted_dir

FILE = Path("docker") / "compose.yaml"
LOG_LINES = 30
ANSWER_SECONDS = 60


class Compose:
    """`docker compose` on docker/compose.yaml; COMPOSE_PROJECT_NAME gives its project another name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """What the command printed; SetupError with all that it said when it fails."""
        result = subprocess.run(
            self._command(*arguments), env=self.environment(), cwd=self._settings.root, input=stdin, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        if result.returncode:
            said = (result.stderr + result.stdout).strip()
            raise SetupError(f"docker compose {' '.join(arguments)} ended with {result.returncode}: {said}")
        return result.stdout

    def show(self, *arguments: str) -> int:
        """Runs the command on our own terminal; returns its exit code."""
        command, environment = self._command(*arguments), self.environment()
        return subprocess.run(command, env=environment, cwd=self._settings.root, check=False).returncode

    def config(self) -> dict[str, Any]:
        """The file with all variables filled in."""
        found: dict[str, Any] = json.loads(self.run("config", "--format", "json"))
        return found

    def containers(self) -> list[dict[str, Any]]:
        """Every container of the project: `ID`, `Name`, `Service`, `State`, `Health`, `ExitCode`."""
        return [json.loads(line) for line in self.run("ps", "--all", "--format", "json").splitlines()]

    def environment(self) -> dict[str, str]:
        """Our own, and where the secrets are."""
        return {**whole_environment(), "SECRETS_DIR": str(mounted_dir(self._settings))}

    def _command(self, *arguments: str) -> list[str]:
        return ["docker", "compose", "--file", str(self._settings.root / FILE), *arguments]


def check_engine() -> None:
    """SetupError when Docker, its Compose plugin or its engine is not there, and how to get it."""
    if shutil.which("docker") is None:
        raise SetupError(
            "docker is not installed: https://docs.docker.com/engine/install, or use `make run`, which needs none"
        )
    plugin = _asked("compose", "version", "--short")
    if plugin.returncode:
        raise SetupError(
            "docker has no compose plugin (version 2): https://docs.docker.com/compose/install/linux, "
            "or the package docker-compose-plugin"
        )
    engine = _asked("version", "--format", "{{.Server.Version}}")
    if engine.returncode:
        raise SetupError(
            f"the Docker engine does not answer: {engine.stderr.strip()}; start it, join the group `docker`, or set "
            "DOCKER_HOST"
        )


def volume_exists(name: str) -> bool:
    """Whether the engine has the volume."""
    return _asked("volume", "inspect", name).returncode == 0


def _asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise SetupError(
            f"docker {arguments[0]} did not answer within {ANSWER_SECONDS} s; is its engine well?"
        ) from None
