"""The errors on a machine without Docker or without its Compose plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import main


def test_missing_docker_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert [main([command]) for command in ("compose-up", "compose-down")] == [1, 1]
    message = (
        "SetupError: docker is not installed. Install it (https://docs.docker.com/engine/install), or use `make run`, "
        "which does not require it."
    )
    assert capsys.readouterr().err.splitlines() == [message] * 2


def test_missing_plugin_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["compose-up"]) == 1
    assert capsys.readouterr().err == (
        "SetupError: docker does not have the Compose plugin, version 2. "
        "Install the package docker-compose-plugin: https://docs.docker.com/compose/install/linux.\n"
    )
