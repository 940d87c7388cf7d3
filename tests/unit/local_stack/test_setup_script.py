"""The setup script on a simulated system."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.settings import ROOT

REAL = ["bash", "cat", "cut", "dirname", "env", "grep", "sed", "sha256sum", "tr"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the script reads, and a `bin` with the whole system: no Java, no Maven, no Python."""
    for file in ("infra/setup/setup.sh", "infra/setup/jars.lock", "infra/versions.toml", "requirements.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "bin").mkdir()
    for name in REAL:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def add_program(checkout: Path, name: str, body: str) -> None:
    program = checkout / "bin" / name
    program.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    program.chmod(0o755)


def run_setup(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": str(checkout)}
    script = checkout / "infra" / "setup" / "setup.sh"
    return subprocess.run(["bash", script], env=environment, capture_output=True, text=True)


def test_user_without_sudo_gets_the_command(checkout: Path) -> None:
    add_program(checkout, "apt-get", "exit 9")
    add_program(checkout, "sudo", "exit 1")
    add_program(checkout, "id", "echo 1000")

    answer = run_setup(checkout)

    assert answer.returncode == 1
    assert answer.stdout == ""
    first, command = answer.stderr.splitlines()
    assert first == "system packages: missing. Run this, then try again:"
    assert command.startswith("  sudo apt-get install -y ")
    assert {"maven", "gcc", "python3", "python3-venv", "python3-dev"} <= set(command.split())


def test_system_without_apt_gets_the_names_of_the_packages(checkout: Path) -> None:
    answer = run_setup(checkout)

    assert answer.returncode == 1
    assert re.fullmatch(
        r"system packages: missing, by their Debian names: [a-z0-9 -]*maven [a-z0-9 -]+\. "
        r"Install them under the names of your system, then try again\.\n",
        answer.stderr,
    )


@pytest.mark.parametrize(
    ("failing", "command"), [("update", "apt-get update"), ("install", "apt-get")], ids=["update", "install"]
)
def test_failed_installation_shows_only_the_errors(checkout: Path, failing: str, command: str) -> None:
    fails = f"echo 'Reading lists'; [ $1 != {failing} ] || {{ echo 'E: no such package'; exit 100; }}"
    add_program(checkout, "apt-get", fails)
    add_program(checkout, "id", "echo 0")

    answer = run_setup(checkout)

    assert answer.returncode == 1
    assert answer.stderr == (
        f"E: no such package\nsystem packages: {command} failed, see above. Fix the cause, then try again.\n"
    )


def test_package_that_the_system_has_is_named(checkout: Path) -> None:
    add_program(checkout, "apt-get", "exit 9")
    add_program(checkout, "apt-cache", "[ $2 != mariadb-server-core-10.6 ] || echo Package: $2")
    add_program(checkout, "id", "echo 1000")
    (checkout / "bin" / "sudo").symlink_to("/bin/false")

    command = run_setup(checkout).stderr.splitlines()[-1].split()

    # The folder of the simulated system has no mariadb-install-db.
    assert [name for name in command if name.startswith("mariadb-server")] == ["mariadb-server-core-10.6"]
