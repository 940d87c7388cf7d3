"""Users from mounted Secrets: valid Secrets, and the errors for invalid ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import main
from infra.errors import SettingsError
from infra.mysql import provision


def mount(folder: Path, username: str, password: str) -> None:
    folder.mkdir(parents=True)
    (folder / "username").write_text(username)
    (folder / "password").write_text(password)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for role, user in {"owner": "games_owner", "cdc": "games_cdc", "reader": "games_reader"}.items():
        mount(tmp_path / role, user, f"{role} pass\n")
    return tmp_path


def test_passwords_by_role(secrets: Path) -> None:
    assert provision.read_passwords("games", secrets) == {
        "owner": "owner pass",
        "cdc": "cdc pass",
        "reader": "reader pass",
    }


def test_secret_without_a_key(secrets: Path) -> None:
    (secrets / "cdc" / "password").unlink()

    with pytest.raises(SettingsError) as caught:
        provision.read_passwords("games", secrets)

    assert str(caught.value) == (
        f"{secrets}/cdc/password is missing or empty. Add the key 'password' to the Secret that is mounted there."
    )


def test_secret_of_another_user(secrets: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        provision.read_passwords("winter", secrets)

    assert str(caught.value) == (
        f"{secrets}/owner/username is 'games_owner', but must be 'winter_owner', the user of the role owner. "
        "Fix the Secret."
    )


def test_folder_of_databases(tmp_path: Path, secrets: Path) -> None:
    assert provision.databases_in(secrets)["cdc"] == secrets / "cdc"
    with pytest.raises(
        SettingsError, match=r"does not contain a folder of a database\. Mount the Secrets of one there\.$"
    ):
        provision.databases_in(tmp_path / "none")


def test_command_line_reports_the_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision-users", "--host", "mysql", "--admin", str(tmp_path), f"games={tmp_path}"]) == 1
    assert capsys.readouterr().err.startswith(f"SettingsError: {tmp_path}/username is missing or empty.")
