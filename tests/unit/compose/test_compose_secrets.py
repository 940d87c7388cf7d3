"""The secrets of Compose: their files, their permissions, and a second run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.mysql.provision import databases_in, read_passwords, read_secret
from infra.settings import Settings, load_settings
from infra.stacks.compose.secrets import compose_dir, ensure_secrets, mounted_dir

DATABASES = {"games": "games_db"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path / "data")})


def test_passwords_are_generated_once(settings: Settings) -> None:
    changes = [ensure_secrets(settings, DATABASES) for _ in range(2)]
    password = (mounted_dir(settings) / "mysql-root-password").read_text()
    changes.append(ensure_secrets(settings, {**DATABASES, "other": "other_db"}))

    assert changes == ["created", "unchanged", "changed"]
    assert (mounted_dir(settings) / "mysql-root-password").read_text() == password
    assert len(password) >= 32


def test_other_users_cannot_reach_the_files_that_containers_read(settings: Settings) -> None:
    ensure_secrets(settings, DATABASES)

    assert compose_dir(settings).stat().st_mode & 0o777 == 0o700
    mounted = [mounted_dir(settings), *mounted_dir(settings).rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in mounted if path.is_dir()} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in mounted if path.is_file()} == {0o644}
    assert (compose_dir(settings) / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_users_and_connections_have_the_same_passwords(settings: Settings) -> None:
    ensure_secrets(settings, DATABASES)
    users = mounted_dir(settings) / "mysql-users"
    connections = json.loads((mounted_dir(settings) / "airflow-connections.json").read_text())
    [(database, folder)] = databases_in(users / "databases").items()
    passwords = read_passwords(database, folder)

    assert database == "games_db"
    assert read_secret(users / "root") == ("root", (mounted_dir(settings) / "mysql-root-password").read_text())
    assert connections["games_kafka"] == {"conn_type": "kafka", "extra": {"bootstrap.servers": "kafka:9092"}}
    assert {name: connection.get("password") for name, connection in connections.items()} == {
        "games_kafka": None,
        "games_mysql": passwords["owner"],
        "games_mysql_cdc": passwords["cdc"],
        "games_mysql_reader": passwords["reader"],
    }
    assert connections["games_mysql_cdc"]["login"] == "games_db_cdc"


def test_changed_file_keeps_its_inode_for_the_mount(settings: Settings) -> None:
    ensure_secrets(settings, DATABASES)
    path = mounted_dir(settings) / "airflow-connections.json"
    before = path.stat().st_ino

    ensure_secrets(settings, {"other": "other_db"})

    assert path.stat().st_ino == before
    assert "other_kafka" in path.read_text()
