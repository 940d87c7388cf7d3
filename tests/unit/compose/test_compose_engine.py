"""What a user is told whose machine has no Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import main


def test_missing_docker_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert [main([command]) for command in ("compose-up", "compose-down")] == [1, 1]
    message = "SetupError: docker is not installed: https://docs.docker.com/engine/install, or use `make run`, which"
    assert capsys.readouterr().err.splitlines() == [f"{message} needs none"] * 2


def test_missing_plugin_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["compose-up"]) == 1
    assert capsys.readouterr().err.startswith(
        "SetupError: docker has no compose plugin (version 2): https://docs.docker.com/"
    )
