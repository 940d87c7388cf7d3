"""The secrets of a job as files."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.jobs.job import Secret
from infra.targets.secret_files import write_secrets
from tests.support.jobs import JOB


def test_files_are_private_current_and_complete(tmp_path: Path) -> None:
    ca, folder = tmp_path / "ca.pem", tmp_path / "secrets" / JOB.name
    ca.write_bytes(b"certificate")
    write_secrets(replace(JOB, secrets=(*JOB.secrets, Secret("games-kafka", "ca.crt", file=str(ca)))), folder)
    assert (folder / "games-mysql-cdc" / "password").read_text() == "swordfish"
    assert (folder / "games-kafka" / "ca.crt").read_bytes() == b"certificate"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700

    write_secrets(replace(JOB, secrets=(Secret("games-mysql-cdc", "password", "marlin"),)), folder)
    assert [(path.name, path.read_text()) for path in folder.rglob("*") if path.is_file()] == [("password", "marlin")]
    write_secrets(replace(JOB, secrets=()), folder)
    assert not folder.exists()


def test_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        write_secrets(replace(JOB, secrets=(Secret("games-kafka", "ca.crt", file="/gone/ca.pem"),)), tmp_path / "s")
    assert str(caught.value) == (
        "games.cdc: the file /gone/ca.pem of its connection cannot be read: No such file or directory. Expected it "
        "where tasks run. Fix the path in the connection's extra, or mount the file."
    )


def test_key_that_the_jobs_cannot_read(tmp_path: Path) -> None:
    key = tmp_path / "client.key"
    key.write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    with pytest.raises(SettingsError) as caught:
        write_secrets(replace(JOB, secrets=(Secret("games-kafka", "tls.key", file=str(key)),)), tmp_path / "s")
    assert str(caught.value) == (
        f"games.cdc: the file {key} of its connection is not a PKCS #8 key. Expected PEM with BEGIN PRIVATE KEY, which "
        "the jobs can read. Convert it with `openssl pkcs8 -topk8 -nocrypt`."
    )
