"""The data directory, its sockets and its passwords."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.settings import Settings, load_settings
from infra.stacks.data_directory import ensure_data_dir, locked, remove_data_dir, socket_dir
from infra.stacks.passwords import ensure_passwords


def settings_in(folder: Path) -> Settings:
    return load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(folder)})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_enter_the_data_directory(tmp_path: Path) -> None:
    data_dir = ensure_data_dir(settings_in(tmp_path / "data"))

    assert mode(data_dir) == 0o700
    assert socket_dir(data_dir) == data_dir / "run"


def test_folder_of_others_is_neither_used_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    message = (
        f"data directory {tmp_path}: the marker file .olympic-streaming is missing, so the folder was not created by "
        "this platform. Set another one with dir under [data] in settings.local.toml or with "
        "OLYMPIC_STREAMING_DATA_DIR, or empty the folder."
    )

    for function in (ensure_data_dir, remove_data_dir):
        with pytest.raises(SetupError) as caught:
            function(settings_in(tmp_path))
        assert str(caught.value) == message
    assert (tmp_path / "precious").read_text() == "mine"


def test_path_with_a_space_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        ensure_data_dir(settings_in(tmp_path / "my data"))

    assert str(caught.value) == (
        f"data directory {tmp_path}/my data: the path has spaces, which Flink's scripts do not support. "
        "Set another one with dir under [data] in settings.local.toml, or with OLYMPIC_STREAMING_DATA_DIR."
    )


def test_long_path_gets_a_short_private_folder_for_sockets(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / ("long" * 30))

    data_dir = ensure_data_dir(settings)
    sockets = socket_dir(data_dir)

    assert len(str(sockets / "supervisor.sock.4194304")) <= 107
    assert mode(sockets) == 0o700
    assert socket_dir(ensure_data_dir(settings)) == sockets
    sockets.rmdir()
    ensure_data_dir(settings)
    assert socket_dir(data_dir).is_dir()
    assert remove_data_dir(settings)
    assert not socket_dir(data_dir).exists()


def test_removing_twice_does_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    ensure_data_dir(settings)

    assert remove_data_dir(settings)
    assert not remove_data_dir(settings)


def test_passwords_are_kept_and_readable_only_by_their_owner(tmp_path: Path) -> None:
    first = ensure_passwords(tmp_path, ["a", "b"])
    second = ensure_passwords(tmp_path, ["b", "c"])

    assert second["b"] == first["b"]
    assert len({first["a"], first["b"], second["c"]}) == 3
    assert min(len(password) for password in first.values()) >= 32
    assert mode(tmp_path / "secrets.json") == 0o600


def test_error_of_a_damaged_secrets_file_names_the_fix(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")

    with pytest.raises(SetupError) as caught:
        ensure_passwords(tmp_path, ["a"])

    assert str(caught.value) == (
        f"{tmp_path}/secrets.json is not JSON (Expecting property name enclosed in double quotes in line 1). "
        "Restore it, or run `make clean` to start from scratch."
    )


def test_second_process_waits_for_the_lock(tmp_path: Path) -> None:
    data_dir = ensure_data_dir(settings_in(tmp_path / "data"))
    order: list[str] = []

    def second() -> None:
        with locked(data_dir, "up"):
            order.append("second")

    with locked(data_dir, "up"):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(timeout=10)

    assert order == ["first", "second"]
