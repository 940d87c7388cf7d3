"""Python programs that only maintainers run, each in an environment of its own, which uv creates at the first run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.errors import SetupError
from infra.versions import load_versions

TIMEOUT_SECONDS = 600


def run_tool(package: str, program: str, *arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
    """Return the output of a program of a package in versions.toml; SetupError with its message if it fails.

    `accepted` are the exit statuses that are not failures.
    """
    uv = Path(sys.prefix) / "uv" / "bin" / "uv"
    requirement = f"{package}=={load_versions().maintenance[package]}"
    command = [str(uv), "tool", "run", "--quiet", "--from", requirement, program, *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{program} cannot be run: {error}. Run `make setup`.") from None
    if result.returncode not in accepted:
        raise SetupError(f"{program} ended with {result.returncode}: {result.stderr.strip()[-2000:]}")
    return result.stdout
