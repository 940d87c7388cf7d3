"""Kafka client properties under the names and types that users write."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from infra.errors import SettingsError
from infra.kafka.client_properties import (
    _ONLY_KAFKA_PYTHON,
    _known_options,
    client_properties,
    librdkafka_properties,
)

log = logging.getLogger(__name__)


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


def test_options_under_the_names_of_librdkafka() -> None:
    properties = client_properties(
        {
            "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u",
            "sasl.password": "p", "ssl.ca.location": "/ca.pem", "ssl_check_hostname": False, "request.timeout.ms": 1000,
            "api.version": None, "client.id": "checks",
        },
        "games_kafka",
    )  # fmt: skip

    assert librdkafka_properties(properties, "games_kafka") == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
        "ssl.endpoint.identification.algorithm": "none",
        "socket.timeout.ms": 1000,
        "client.id": "checks",
    }


def test_option_that_librdkafka_does_not_support_is_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        librdkafka_properties({"socks5_proxy": "proxy:1080"}, "games_kafka")

    assert str(caught.value) == (
        "games_kafka: the checks read topics with librdkafka, which does not support socks5_proxy. Remove it from the "
        "connection, or reach the brokers without it."
    )


def test_every_known_option_is_accepted_by_librdkafka() -> None:
    values = {
        option: value
        for option, value in {**_known_options(), "ssl_cafile": "", "client_dns_lookup": "use_all_dns_ips"}.items()
        if value not in (None, "") and option not in _ONLY_KAFKA_PYTHON
    }

    AdminClient({"bootstrap.servers": "127.0.0.1:1", **librdkafka_properties(values, "games_kafka")}, logger=log)
