"""Kafka clients for an endpoint; the only module that translates the drivers' errors into PlatformErrors."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError

from infra.endpoints import KafkaEndpoint
from infra.errors import AccessDeniedError, PlatformError, TerminalError, UnreachableError
from infra.kafka.client_properties import librdkafka_properties
from infra.kafka.tls import check_handshake, needs_tls, rejected_certificate, requires_tls, tls_context

BOOTSTRAP_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_SECONDS = 5
# librdkafka buffers this much in front of its consumer, and would otherwise pause for a second whenever it is full.
QUEUE_KIB = 4 * 1024
_BULK = {
    "group.id": "unused",  # required, but no offset is committed and no group is joined
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "isolation.level": "read_uncommitted",  # as kafka-python reads
    "queued.max.messages.kbytes": QUEUE_KIB,
    "max.partition.fetch.bytes": 131_072,  # with the default of 1 MiB reading takes 50 MB more, and is not faster
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 50,
}
_DENIED = frozenset(
    {
        confluent_kafka.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED,
        confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
_WRONG_LOGIN = frozenset(
    {confluent_kafka.KafkaError._AUTHENTICATION, confluent_kafka.KafkaError.SASL_AUTHENTICATION_FAILED}
)
_NO_ANSWER = frozenset(
    {
        confluent_kafka.KafkaError._ALL_BROKERS_DOWN,
        confluent_kafka.KafkaError._TIMED_OUT,
        confluent_kafka.KafkaError._TRANSPORT,
        # For some seconds after a broker was killed; librdkafka does not call these retriable.
        confluent_kafka.KafkaError.UNKNOWN_LEADER_EPOCH,
        confluent_kafka.KafkaError.FENCED_LEADER_EPOCH,
    }
)
log = logging.getLogger(__name__)


@contextmanager
def admin_client(endpoint: KafkaEndpoint) -> Iterator[KafkaAdminClient]:
    """Yield an admin client, and close it afterwards.

    Errors of the driver are raised as UnreachableError, AccessDeniedError or TerminalError, also from within the block.
    """
    with _translated(endpoint):
        client = KafkaAdminClient(**_arguments(endpoint))
        try:
            yield client
        finally:
            client.close()


@contextmanager
def consumer(endpoint: KafkaEndpoint, **options: Any) -> Iterator[KafkaConsumer]:
    """Yield a consumer outside any group, and close it afterwards; errors as in `admin_client`."""
    with _translated(endpoint):
        client = KafkaConsumer(**_arguments(endpoint), group_id=None, enable_auto_commit=False, **options)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def producer(endpoint: KafkaEndpoint, **options: Any) -> Iterator[KafkaProducer]:
    """Yield an idempotent producer, then flush and close it; errors as in `admin_client`.

    Without idempotence, retries could reorder the records of a key.
    """
    with _translated(endpoint):
        client = KafkaProducer(**_arguments(endpoint), enable_idempotence=True, **options)
        try:
            yield client
            client.flush()
        finally:
            client.close()


@contextmanager
def bulk_clients(endpoint: KafkaEndpoint) -> Iterator[tuple[confluent_kafka.Consumer, AdminClient]]:
    """Yield a consumer and an admin client of librdkafka, and close them afterwards; errors as in `admin_client`."""
    _check_reachable(endpoint)
    settings = _bulk_settings(endpoint)
    try:
        client = confluent_kafka.Consumer({**settings, **_BULK}, logger=log)
        try:
            yield client, AdminClient(settings, logger=log)
        finally:
            client.close()
    except confluent_kafka.KafkaException as error:
        raise _bulk_error(endpoint, error.args[0]) from error


def _bulk_error(endpoint: KafkaEndpoint, error: confluent_kafka.KafkaError) -> PlatformError:
    if error.code() in _WRONG_LOGIN:
        return _wrong_login(endpoint, error)
    if error.code() in _DENIED:
        return AccessDeniedError(
            f"{endpoint} denied the request: {error.str()}. Ask an administrator to grant the privilege."
        )
    if error.code() in _NO_ANSWER and (refused := _refused(endpoint)):
        return refused
    kind = UnreachableError if error.retriable() or error.code() in _NO_ANSWER else TerminalError
    return kind(f"{endpoint}: {error.name()}: {error.str()}")


def _refused(endpoint: KafkaEndpoint) -> AccessDeniedError | None:
    """Return why a broker that is reachable did not answer, if it requires TLS or rejects the login.

    Both clients only report that no broker answered. librdkafka reports a rejected login to its callback.
    """
    if requires_tls(endpoint, CONNECT_TIMEOUT_SECONDS):
        return needs_tls(endpoint)
    if "sasl_mechanism" not in endpoint.properties:
        return rejected_certificate(endpoint, CONNECT_TIMEOUT_SECONDS)
    reported: list[confluent_kafka.KafkaError] = []
    settings: dict[str, Any] = {**_bulk_settings(endpoint), "error_cb": reported.append}
    admin = AdminClient(settings, logger=log)
    try:
        admin.list_topics(timeout=CONNECT_TIMEOUT_SECONDS)
    except confluent_kafka.KafkaException:
        admin.poll(0)
    for error in reported:
        if error.code() in _WRONG_LOGIN:
            return _wrong_login(endpoint, error)
    return None


def _wrong_login(endpoint: KafkaEndpoint, error: confluent_kafka.KafkaError) -> AccessDeniedError:
    reason = error.str().partition("SASL authentication error: ")[2].partition(" (after")[0] or error.str()
    return AccessDeniedError(
        f"{endpoint} rejected the login of {endpoint.properties.get('sasl_plain_username')!r}: {reason}. Fix "
        "sasl.mechanism, sasl.plain.username and sasl.plain.password in the connection's extra."
    )


def _bulk_settings(endpoint: KafkaEndpoint) -> dict[str, Any]:
    return {
        "bootstrap.servers": endpoint.bootstrap_servers,
        **librdkafka_properties(endpoint.properties, str(endpoint)),
    }


def _arguments(endpoint: KafkaEndpoint) -> dict[str, Any]:
    _check_reachable(endpoint)
    return {
        "bootstrap_servers": endpoint.bootstrap_servers.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        **endpoint.properties,
    }


def _check_reachable(endpoint: KafkaEndpoint) -> None:
    """Check that one port is open, and TLS if it is set; the clients would try again until their timeout.

    SettingsError if a file for TLS is missing, AccessDeniedError if the TLS handshake fails.
    """
    reasons = []
    tls = tls_context(endpoint)
    for server in endpoint.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise TerminalError(f"{endpoint}: {server!r} is not host:port. Fix the connection's host and port.")
        try:
            with socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_SECONDS) as connection:
                if tls:
                    check_handshake(endpoint, tls, connection, host)
        except OSError as error:
            reasons.append(f"{server}: {error}")
        else:
            return
    raise UnreachableError(
        f"cannot reach {endpoint}: {', '.join(reasons)}. "
        "Check that the broker is running (`make status`), and that the connection is correct."
    )


@contextmanager
def _translated(endpoint: KafkaEndpoint) -> Iterator[None]:
    try:
        yield
    except AuthorizationError as error:
        raise AccessDeniedError(
            f"{endpoint} denied the request: {error}. Ask an administrator to grant the privilege."
        ) from error
    except KafkaError as error:
        if isinstance(error, KafkaTimeoutError) and (refused := _refused(endpoint)):
            raise refused from error
        kind = UnreachableError if error.retriable else TerminalError
        raise kind(f"{endpoint}: {type(error).__name__}: {error}") from error
