"""Addresses of the systems and our credentials for them, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# The modes of MySQL's own clients, from no TLS to a server whose certificate is verified with its host name.
TlsMode = Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]


@dataclass(frozen=True)
class MySqlTls:
    """TLS of a connection to MySQL: its mode, and the paths of PEM files; an empty path is not used.

    `ca` has the certificates that sign the server's. `cert` and `key` are the client's own.
    """

    mode: TlsMode
    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(frozen=True)
class MySqlEndpoint:
    """A MySQL or MariaDB server and one of its users; `repr` never shows the password.

    With `unix_socket`, the connection uses that file instead of host and port. Without `tls`, it is plain text.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str | None = None
    unix_socket: str | None = None
    tls: MySqlTls | None = None

    def __str__(self) -> str:
        address = f"unix({self.unix_socket})" if self.unix_socket else f"{self.host}:{self.port}"
        return f"mysql://{self.user}@{address}/{self.database or ''}"


@dataclass(frozen=True)
class KafkaEndpoint:
    """A Kafka cluster: `host:port[,host:port...]`, and client options such as security settings."""

    bootstrap_servers: str
    properties: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"kafka://{self.bootstrap_servers}"


@dataclass(frozen=True)
class FlinkEndpoint:
    """The REST address of a Flink session cluster, such as `http://127.0.0.1:8081`."""

    url: str

    def __str__(self) -> str:
        return self.url
