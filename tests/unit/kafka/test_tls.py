"""TLS of the brokers: what is checked before a client connects."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.endpoints import KafkaEndpoint
from infra.errors import SettingsError
from infra.kafka.client import admin_client
from infra.kafka.tls import tls_context


def test_missing_file_is_named_before_the_broker_is_reached() -> None:
    endpoint = KafkaEndpoint("127.0.0.1:1", {"security_protocol": "SSL", "ssl_cafile": "/gone/ca.crt"})
    with pytest.raises(SettingsError) as caught, admin_client(endpoint):
        pass
    assert str(caught.value) == (
        "kafka://127.0.0.1:1: the file /gone/ca.crt of ssl.cafile does not exist. Fix ssl.cafile in the connection's "
        "extra, or mount the file where tasks run."
    )


def test_file_that_is_not_pem_is_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("no certificate")
    with pytest.raises(SettingsError) as caught:
        tls_context(KafkaEndpoint("127.0.0.1:1", {"security_protocol": "SSL", "ssl_cafile": str(ca)}))
    assert str(caught.value).startswith(f"kafka://127.0.0.1:1: the file {ca} of ssl.cafile cannot be used: ")


def test_plain_text_needs_no_context() -> None:
    assert tls_context(KafkaEndpoint("127.0.0.1:1", {"ssl_cafile": "/gone/ca.crt"})) is None
