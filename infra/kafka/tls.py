"""TLS of the brokers, checked before the clients connect: their own errors do not name a file or a cause."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from infra.endpoints import KafkaEndpoint
from infra.errors import AccessDeniedError, SettingsError

_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile")


def tls_context(endpoint: KafkaEndpoint) -> ssl.SSLContext | None:
    """Return the context of a client; None without TLS. SettingsError if a file is missing or is not PEM."""
    properties = endpoint.properties
    if properties.get("security_protocol") not in ("SSL", "SASL_SSL"):
        return None
    for option in _FILES:
        path = properties.get(option)
        if path and not Path(path).is_file():
            raise SettingsError(
                f"{endpoint}: the file {path} of {_dotted(option)} does not exist. Fix {_dotted(option)} in the "
                "connection's extra, or mount the file where tasks run."
            )
    context = ssl.create_default_context()
    context.check_hostname = properties.get("ssl_check_hostname") is not False
    option = "ssl_cafile"
    try:
        if properties.get("ssl_cafile"):
            context.load_verify_locations(properties["ssl_cafile"])
        option = "ssl_certfile"
        if properties.get("ssl_certfile"):
            password = properties.get("ssl_password") or ""
            context.load_cert_chain(properties["ssl_certfile"], properties.get("ssl_keyfile"), password)
    except OSError as error:  # also an SSL error, and a file that may not be read
        reason = getattr(error, "reason", None) or error.strerror or error
        raise SettingsError(
            f"{endpoint}: the file {properties[option]} of {_dotted(option)} cannot be used: {reason}. "
            "Expected PEM, with the key of the certificate and its password. Fix the file."
        ) from error
    return context


def check_handshake(endpoint: KafkaEndpoint, context: ssl.SSLContext, connection: socket.socket, host: str) -> None:
    """Establish TLS on a connection; AccessDeniedError if the certificate is not trusted, or the port is plain text."""
    try:
        context.wrap_socket(connection, server_hostname=host).close()
    except (ssl.SSLError, TimeoutError) as error:
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or "no answer to the handshake"
        raise AccessDeniedError(
            f"{endpoint}: TLS failed: {reason}. Check that the port is one for TLS, and that ssl.cafile in the "
            "connection's extra has the certificate that signed the broker's."
        ) from error


def rejected_certificate(endpoint: KafkaEndpoint, timeout_seconds: float) -> AccessDeniedError | None:
    """Return the error of a broker that rejects the client's certificate, or that it has none; None if it does not.

    With TLS 1.3, the broker reports it after the handshake: at the first read, which otherwise waits in vain.
    """
    context = tls_context(endpoint)
    if context is None:
        return None
    host, port = _first_broker(endpoint)
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_seconds) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            secured.recv(1)
    except ssl.SSLError as error:
        return AccessDeniedError(
            f"{endpoint} rejected the client's certificate: {error.reason}. Fix ssl.certfile and ssl.keyfile in the "
            "connection's extra."
        )
    except OSError:
        return None
    return None


def requires_tls(endpoint: KafkaEndpoint, timeout_seconds: float) -> bool:
    """Return whether the first broker answers a TLS handshake, and the endpoint does not use TLS."""
    if endpoint.properties.get("security_protocol", "PLAINTEXT") not in ("PLAINTEXT", "SASL_PLAINTEXT"):
        return False
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent
    try:
        with socket.create_connection(_first_broker(endpoint), timeout=timeout_seconds) as connection:
            context.wrap_socket(connection).close()
    except OSError:  # also of an SSL error
        return False
    return True


def needs_tls(endpoint: KafkaEndpoint) -> AccessDeniedError:
    """Return the error of a plain-text client at a port for TLS."""
    return AccessDeniedError(
        f"{endpoint} requires TLS, and the connection does not use it. Set security.protocol to SSL or SASL_SSL, and "
        "ssl.cafile, in the connection's extra."
    )


def _first_broker(endpoint: KafkaEndpoint) -> tuple[str, int]:
    host, _, port = endpoint.bootstrap_servers.split(",")[0].strip().rpartition(":")
    return host, int(port)


def _dotted(option: str) -> str:
    return option.replace("_", ".")
