"""Kafka client properties under the names and types that users write."""

from __future__ import annotations

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.kafka.client_properties import client_properties


@pytest.mark.parametrize(
    ("extra", "properties"),
    [
        ({}, {}),
        ({"security.protocol": "SASL_SSL"}, {"security_protocol": "SASL_SSL"}),
        ({"security_protocol": "SASL_SSL"}, {"security_protocol": "SASL_SSL"}),
        ({"sasl.mechanisms": "PLAIN"}, {"sasl_mechanism": "PLAIN"}),
        ({"sasl.username": "a", "sasl.password": "b"}, {"sasl_plain_username": "a", "sasl_plain_password": "b"}),
        ({"ssl.ca.location": "/ca.pem"}, {"ssl_cafile": "/ca.pem"}),
        ({"request_timeout_ms": 5000}, {"request_timeout_ms": 5000}),
        ({"request.timeout.ms": "5000"}, {"request_timeout_ms": 5000}),
        ({"ssl.check.hostname": False}, {"ssl_check_hostname": False}),
        ({"ssl.check.hostname": "false"}, {"ssl_check_hostname": False}),
    ],
)
def test_names_and_types(extra: dict[str, Any], properties: dict[str, Any]) -> None:
    assert client_properties(extra, "extra") == properties
    for name, value in client_properties(extra, "extra").items():
        assert type(value) is type(properties[name])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"securty.protocol": "SSL"},
            "extra: unknown client property securty.protocol. Did you mean security.protocol?",
        ),
        ({"acks": "all"}, "extra: unknown client property acks. Remove it."),
        ({"selector": "x"}, "extra: unknown client property selector. Remove it."),
        (
            {"security.protocol": "SSL", "security_protocol": "PLAINTEXT"},
            "extra: security_protocol is set twice under different names. Remove one of them.",
        ),
        ({"request.timeout.ms": "soon"}, "extra: request.timeout.ms is 'soon', but must be a number."),
        ({"request.timeout.ms": True}, "extra: request.timeout.ms is True, but must be a number."),
        ({"ssl.check.hostname": "perhaps"}, "extra: ssl.check.hostname is 'perhaps', but must be true or false."),
        ({"client.id": ["a"]}, "extra: client.id is a list, but must be a single value."),
    ],
)
def test_every_invalid_property_has_its_message(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client_properties(extra, "extra")

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"sasl.passwort": "swordfish"}, "extra: unknown client property sasl.passwort. Did you mean sasl.password?"),
        ({"sasl.password": ["swordfish"]}, "extra: sasl.password is a list, but must be a single value."),
        ({"ssl.key.password": {"a": "swordfish"}}, "extra: ssl.key.password is a dict, but must be a single value."),
    ],
)
def test_message_does_not_contain_the_password(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client_properties(extra, "extra")

    assert str(caught.value) == message
