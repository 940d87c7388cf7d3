"""The local stack that refuses plain text: certificates, users, and the options of broker and database."""

from __future__ import annotations

import configparser
import ssl
import stat
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.settings import Settings, load_settings
from infra.stacks.local import database, kafka
from infra.stacks.local.certificates import ensure_certificates
from infra.stacks.local.kafka_security import broker_passwords, client_security, write_users


def secure(tmp_path: Path, security: str) -> Settings:
    return load_settings(
        {"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path), "OLYMPIC_STREAMING_STACK_SECURITY": security},
    )


def test_certificates_are_private_and_kept(tmp_path: Path) -> None:
    settings = secure(tmp_path, "tls")
    files = ensure_certificates(settings)
    before = {path: path.read_bytes() for path in vars(files).values()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in before} == {0o600}
    assert not (tmp_path / "tls" / "ca.key").exists()
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.client_cert, files.client_key)

    ensure_certificates(settings)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("security", "protocol"), [("tls", "SASL_SSL"), ("mtls", "SSL")])
def test_no_listener_is_plain_text(tmp_path: Path, security: str, protocol: str) -> None:
    settings = secure(tmp_path, security)
    lines = dict(line.split("=", 1) for line in kafka.render_server_properties(settings).splitlines())
    assert lines["listener.security.protocol.map"] == f"{protocol}:{protocol},CONTROLLER:SSL"
    assert "PLAINTEXT" not in lines["listeners"] + lines["inter.broker.listener.name"]
    assert lines["listener.name.controller.ssl.client.auth"] == "required"
    assert ("sasl.enabled.mechanisms" in lines) == (security == "tls")
    assert ("listener.name.ssl.ssl.client.auth" in lines) == (security == "mtls")
    assert client_security(settings)["security_protocol"] == protocol


def test_database_requires_tls(tmp_path: Path) -> None:
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(database.render_my_cnf(secure(tmp_path, "tls")))
    assert parser["mariadbd"]["require-secure-transport"] == "ON"
    assert parser["mariadbd"]["ssl-key"] == str(tmp_path / "tls" / "server.key")


def test_users_are_arguments_of_a_private_file(tmp_path: Path) -> None:
    settings, path = secure(tmp_path, "tls"), tmp_path / "users.arguments"
    write_users(settings, path)
    passwords = broker_passwords(settings)
    assert path.read_text().splitlines() == [
        "--add-scram", f"SCRAM-SHA-512=[name=platform,password={passwords['platform']}]",
        "--add-scram", f"SCRAM-SHA-512=[name=broker,password={passwords['broker']}]",
    ]  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_storage_without_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "formatted").touch()
    with pytest.raises(SetupError) as caught:
        kafka.ensure_formatted(secure(tmp_path, "tls"), ["java"])
    assert str(caught.value) == (
        f"kafka: {tmp_path / 'kafka' / 'data'} was formatted without users, which stack.security tls requires. Delete "
        "the data with `make clean`, or set stack.security to plaintext."
    )
    kafka.ensure_formatted(secure(tmp_path, "plaintext"), ["java"])
