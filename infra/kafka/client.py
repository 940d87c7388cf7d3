"""Clients for one endpoint, and the one place where the driver's errors become ours."""

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


@contextmanager
def admin_client(endpoint: KafkaEndpoint) -> Iterator[KafkaAdminClient]:
    """An administrative client, closed afterwards."""
    with _translated(endpoint):
        client = KafkaAdminClient(**_arguments(endpoint))
        try:
            yield client
        finally:
            client.close()


@contextmanager
def consumer(endpoint: KafkaEndpoint, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer outside of any group, closed afterwards."""
    with _translated(endpoint):
        client = KafkaConsumer(**_arguments(endpoint), group_id=None, enable_auto_commit=False, **options)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def producer(endpoint: KafkaEndpoint, **options: Any) -> Iterator[KafkaProducer]:
    """An idempotent producer, flushed and closed afterwards; without idempotence the order of a key may change."""
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
    """One open port is enough. The client itself logs each refused connection and retries until its time-out."""
    reasons = []
    for server in endpoint.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise TerminalError(f"{endpoint}: {server!r} is not host:port; correct the connection's host and port")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError as error:
            reasons.append(f"{server}: {error}")
        else:
            return
    raise UnreachableError(
        f"cannot reach {endpoint}: {'; '.join(reasons)}; "
        "is the broker running (`make status`), and is the connection right?"
    )


@contextmanager
def _translated(endpoint: KafkaEndpoint) -> Iterator[None]:
    try:
        yield
    except AuthorizationError as error:
        raise AccessDeniedError(f"{endpoint} does not allow this: {error}; let an administrator grant it") from error
    except KafkaError as error:
        kind = UnreachableError if error.retriable else TerminalError
        raise kind(f"{endpoint}: {type(error).__name__}: {error}") from error
