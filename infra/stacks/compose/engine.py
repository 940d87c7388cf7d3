"""Commands of Docker and its Compose plugin."""

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
ANSWER_TIMEOUT_SECONDS = 60


class Compose:
    """`docker compose` with docker/compose.yaml; COMPOSE_PROJECT_NAME changes the name of its project."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Return the standard output of a command; SetupError with its whole output if it fails."""
        result = subprocess.run(
            self._command(*arguments), env=self.environment(), cwd=self._settings.root, input=stdin, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        if result.returncode:
            output = (result.stderr + result.stdout).strip()
            raise SetupError(
                f"`docker compose {' '.join(arguments)}` failed with exit code {result.returncode}: {output}"
            )
        return result.stdout

    def show(self, *arguments: str) -> int:
        """Run a command with its output on this terminal, and return its exit code."""
        command, environment = self._command(*arguments), self.environment()
        return subprocess.run(command, env=environment, cwd=self._settings.root, check=False).returncode

    def config(self) -> dict[str, Any]:
        """Return docker/compose.yaml with all variables filled in."""
        found: dict[str, Any] = json.loads(self.run("config", "--format", "json"))
        return found

    def containers(self) -> list[dict[str, Any]]:
        """Return every container of the project: `ID`, `Name`, `Service`, `State`, `Health`, `ExitCode`."""
        return [json.loads(line) for line in self.run("ps", "--all", "--format", "json").splitlines()]

    def environment(self) -> dict[str, str]:
        """Return the environment of this process, with the folder of the secrets."""
        return {**whole_environment(), "SECRETS_DIR": str(mounted_dir(self._settings))}

    def _command(self, *arguments: str) -> list[str]:
        return ["docker", "compose", "--file", str(self._settings.root / FILE), *arguments]


def check_engine() -> None:
    """Check that Docker, its Compose plugin and its engine work; SetupError names what is missing, and the fix."""
    if shutil.which("docker") is None:
        raise SetupError(
            "docker is not installed. Install it (https://docs.docker.com/engine/install), or use `make run`, "
            "which does not require it."
        )
    plugin = _run_docker("compose", "version", "--short")
    if plugin.returncode:
        raise SetupError(
            "docker does not have the Compose plugin, version 2. "
            "Install the package docker-compose-plugin: https://docs.docker.com/compose/install/linux."
        )
    engine = _run_docker("version", "--format", "{{.Server.Version}}")
    if engine.returncode:
        raise SetupError(
            f"the Docker engine does not answer: {engine.stderr.strip()}. "
            "Start it, join the group `docker`, or set DOCKER_HOST."
        )


def volume_exists(name: str) -> bool:
    """Return whether the engine has the volume."""
    return _run_docker("volume", "inspect", name).returncode == 0


def _run_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise SetupError(
            f"`docker {arguments[0]}` did not end within {ANSWER_TIMEOUT_SECONDS} s. Check the Docker engine."
        ) from None
