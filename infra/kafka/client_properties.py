"""Translation of Kafka client properties into options of kafka-python, and of these into those of librdkafka.

Airflow's own Kafka provider, the chart and the Kafka documentation write `security.protocol`; kafka-python's option is
`security_protocol`. Both are accepted, and so are librdkafka's names of the properties of an authenticated connection.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any

from infra.errors import SettingsError

# Names that differ from kafka-python's by more than dots:
# https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
_LIBRDKAFKA = {
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "sasl.kerberos.service.name": "sasl_kerberos_service_name",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
    "ssl.crl.location": "ssl_crlfile",
}
_OTHER_LIBRDKAFKA = {
    "receive_buffer_bytes": "socket.receive.buffer.bytes",
    "request_timeout_ms": "socket.timeout.ms",
    "send_buffer_bytes": "socket.send.buffer.bytes",
}
_ONLY_KAFKA_PYTHON = frozenset({"proxy_url", "sasl_kerberos_domain_name", "sasl_kerberos_name", "socks5_proxy"})
_TUNING = frozenset({"api_version", "bootstrap_timeout_ms", "metrics_num_samples", "metrics_sample_window_ms"})
# Not allowed in a connection: the platform sets the first, and the others are Python objects.
_RESERVED = frozenset(
    {"bootstrap_servers", "kafka_client", "metric_reporters", "sasl_oauth_token_provider", "selector", "socket_options"}
    | {"ssl_context"}
)


def client_properties(extra: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return `extra` under kafka-python's option names, with values of the types that the client requires.

    SettingsError, starting with `origin`, if a property is unknown, set twice, or of the wrong type.
    """
    properties: dict[str, Any] = {}
    for name, value in extra.items():
        option = _LIBRDKAFKA.get(name, name.replace(".", "_"))
        if option not in _known_options():
            raise SettingsError(f"{origin}: {_unknown(name)}")
        if option in properties:
            raise SettingsError(f"{origin}: {name} is set twice under different names. Remove one of them.")
        properties[option] = _typed(option, value, f"{origin}: {name}")
    return properties


@cache
def _known_options() -> dict[str, Any]:
    """Return the options that the admin client, the consumer and the producer share, with their defaults."""
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

    shared = KafkaAdminClient.DEFAULT_CONFIG.keys() & KafkaConsumer.DEFAULT_CONFIG.keys()
    shared &= KafkaProducer.DEFAULT_CONFIG.keys()
    return {name: KafkaConsumer.DEFAULT_CONFIG[name] for name in sorted(shared - _RESERVED)}


def _unknown(name: str) -> str:
    dotted = [*_LIBRDKAFKA, *(option.replace("_", ".") for option in _known_options())]
    close = difflib.get_close_matches(name.replace("_", "."), dotted, n=1)
    hint = f"Did you mean {close[0]}?" if close else "Remove it."
    return f"unknown client property {name}. {hint}"


def _typed(option: str, value: Any, what: str) -> Any:
    """Return the value with the type of the option's default; numbers and booleans may also be text."""
    default = _known_options()[option]
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise SettingsError(f"{what} is {value!r}, but must be true or false.")
    if isinstance(default, int | float):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        raise SettingsError(f"{what} is {value!r}, but must be a number.")
    if isinstance(value, dict | list):
        # Not the value itself: this can be a password.
        raise SettingsError(f"{what} is a {type(value).__name__}, but must be a single value.")
    return value


def librdkafka_properties(properties: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return options of kafka-python, as `client_properties` returns them, under librdkafka's names.

    Options that only tune kafka-python are left out. SettingsError, starting with `origin`, if librdkafka does not
    support an option that a connection needs.
    """
    unsupported = sorted(properties.keys() & _ONLY_KAFKA_PYTHON)
    if unsupported:
        raise SettingsError(
            f"{origin}: the checks read topics with librdkafka, which does not support {', '.join(unsupported)}. "
            "Remove it from the connection, or reach the brokers without it."
        )
    names = {option: name for name, option in _LIBRDKAFKA.items()} | _OTHER_LIBRDKAFKA
    found = {
        names.get(option, option.replace("_", ".")): value
        for option, value in properties.items()
        if option not in _TUNING and option != "ssl_check_hostname" and value is not None
    }
    if properties.get("ssl_check_hostname") is False:
        found["ssl.endpoint.identification.algorithm"] = "none"
    return found
