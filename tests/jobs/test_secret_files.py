"""References to secrets, as a Kafka client of a job resolves them in its constructor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.jobs.flink import flink_environment

PROVIDERS = {
    "bootstrap.servers": "127.0.0.1:1",
    "config.providers": "secret,quoted",
    "config.providers.secret.class": "olympicstreaming.SecretFiles",
    "config.providers.quoted.class": "olympicstreaming.SecretFiles",
    "config.providers.quoted.param.quoted": "true",
}


@pytest.fixture(scope="module")
def java() -> Any:
    """The JVM with the jobs' functions."""
    from pyflink.java_gateway import get_gateway

    flink_environment({})
    return get_gateway().jvm


def client_config(java: Any, name: str, value: str) -> str:
    """Return the value of a property of type password, as a client sees it."""
    properties = java.java.util.HashMap()
    for key, text in {**PROVIDERS, name: value}.items():
        properties.put(key, text)
    return str(java.org.apache.kafka.clients.admin.AdminClientConfig(properties).getPassword(name).value())


def test_reference_is_the_content_of_the_file(java: Any, tmp_path: Path) -> None:
    (tmp_path / "tls.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    key = client_config(java, "ssl.keystore.key", f"${{secret:{tmp_path}:tls.key}}")
    assert key == "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"


def test_password_is_escaped_for_its_quotes(java: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text('a"b\\c')
    line = f'x.Module required username="u" password="${{quoted:{tmp_path}:password}}";'
    assert client_config(java, "sasl.jaas.config", line) == 'x.Module required username="u" password="a\\"b\\\\c";'


def test_missing_file_is_named(java: Any, tmp_path: Path) -> None:
    from py4j.protocol import Py4JJavaError

    with pytest.raises(Py4JJavaError) as caught:
        client_config(java, "ssl.keystore.key", f"${{secret:{tmp_path}:tls.key}}")
    assert (
        f"the secret {tmp_path}/tls.key does not exist. Add the key tls.key to the Secret that is mounted there, or "
        "deploy again."
    ) in str(caught.value.java_exception)


def test_client_does_not_print_the_secret(java: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("swordfish")
    properties = java.java.util.HashMap()
    for key, text in {**PROVIDERS, "sasl.jaas.config": f"${{secret:{tmp_path}:password}}"}.items():
        properties.put(key, text)
    config = java.org.apache.kafka.clients.admin.AdminClientConfig(properties)
    assert "swordfish" not in str(config.values())
