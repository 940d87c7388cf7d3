"""The command `plan` without a running stack: one message on standard error, and nothing is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import main
from infra.stacks.passwords import SECRETS_FILE, ensure_passwords, known_passwords


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_stopped_services_are_named_and_not_started(
    option: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_DIR", str(tmp_path / "data"))

    status = main(["plan", *option])

    written = capsys.readouterr()
    assert (status, written.out) == (1, "")
    assert written.err == (
        "SetupError: local stack: these services do not run: flink-jobmanager, flink-taskmanager, mysql, kafka. "
        "Expected all of them. Run `make up`.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_known_passwords_are_read_and_none_is_generated(tmp_path: Path) -> None:
    assert known_passwords(tmp_path, ["a"]) == {}
    assert list(tmp_path.iterdir()) == []

    generated = ensure_passwords(tmp_path, ["a"])
    content = (tmp_path / SECRETS_FILE).read_bytes()

    assert known_passwords(tmp_path, ["a", "b"]) == generated
    assert (tmp_path / SECRETS_FILE).read_bytes() == content
