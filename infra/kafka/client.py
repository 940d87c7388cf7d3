"""Kafka clients for an endpoint; the only module that translates the driver's errors into PlatformErrors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import AuthorizationError, KafkaError

from infra.endpoints import KafkaEndpoint
from infra.errors import AccessDeniedError, TerminalError, UnreachableError

BOOTSTRAP_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_SECONDS = 5


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


def _arguments(endpoint: KafkaEndpoint) -> dict[str, Any]:
    _check_reachable(endpoint)
    return {
        "bootstrap_servers": endpoint.bootstrap_servers.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        **endpoint.properties,
    }


def _check_reachable(endpoint: KafkaEndpoint) -> None:
    """Check that one port is open; the client itself would log refused connections until its timeout."""
    reasons = []
    for server in endpoint.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise TerminalError(f"{endpoint}: {server!r} is not host:port. Fix the connection's host and port.")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
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
        kind = UnreachableError if error.retriable else TerminalError
        raise kind(f"{endpoint}: {type(error).__name__}: {error}") from error
