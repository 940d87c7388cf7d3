"""The local stack's broker: Kafka in KRaft mode, one node that is broker and controller, on loopback."""

from __future__ import annotations

import base64
import socket
import subprocess
import uuid
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from infra.endpoints import KafkaEndpoint
from infra.errors import SetupError
from infra.settings import Settings, inherited_environment
from infra.setup.jars import jars_of
from infra.setup.java import find_java
from infra.stacks.local.kafka_security import client_security, listener_properties, write_users
from infra.stacks.local.service import CONNECT_TIMEOUT_SECONDS, Service
from infra.stacks.log_tail import log_tail
from infra.stacks.private_files import write_private
from infra.stacks.server_options import BROKER_OPTIONS

_WITH_USERS = "users"
_LOG4J = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c - %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def kafka_endpoint(settings: Settings) -> KafkaEndpoint:
    """Return the address of the broker, and how a client logs in."""
    return KafkaEndpoint(f"127.0.0.1:{settings.ports.kafka}", client_security(settings))


def render_server_properties(settings: Settings) -> str:
    """Return the broker's server.properties."""
    ports, folder = settings.ports, settings.data_dir / "kafka"
    properties = {
        **BROKER_OPTIONS,
        "controller.quorum.voters": f"1@127.0.0.1:{ports.kafka_controller}",
        **listener_properties(settings),
        "log.dirs": str(folder / "data"),
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def render_jvm_options(settings: Settings, libs: Path) -> str:
    """Return an argument file for `java`; the `*` of the class path is Java's wildcard, which no shell may expand."""
    log4j = settings.data_dir / "kafka" / "log4j2.properties"
    options = [
        f"-Xmx{settings.kafka.heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        f'"-Dlog4j2.configurationFile=file:{log4j}"',
        "-cp",
        f'"{libs}/*"',
    ]
    return "\n".join(options) + "\n"


def kafka_service(settings: Settings) -> Service:
    """Return the broker as a supervised service."""
    folder = settings.data_dir / "kafka"
    libs = jars_of("kafka")[0].parent
    java = [str(find_java()), f"@{folder / 'jvm.options'}"]
    properties = folder / "server.properties"
    return Service(
        name="kafka",
        command=[*java, "kafka.Kafka", str(properties)],
        directory=folder,
        log=settings.data_dir / "logs" / "kafka.log",
        ports={"kafka": settings.ports.kafka, "kafka_controller": settings.ports.kafka_controller},
        files={
            properties: render_server_properties(settings),
            folder / "jvm.options": render_jvm_options(settings, libs),
            folder / "log4j2.properties": _LOG4J,
        },
        prepare=lambda: ensure_formatted(settings, java),
        probe=lambda: probe_kafka(settings),
        stop_seconds=30,
    )


def ensure_formatted(settings: Settings, java: list[str]) -> None:
    """Format the storage once; an interrupted format is repeated with the same cluster id.

    It creates the users, which no other setting than `tls` requires. SetupError if the storage has none, and must.
    """
    folder = settings.data_dir / "kafka"
    done = folder / "formatted"
    if done.exists():
        if settings.stack.security == "tls" and done.read_text(encoding="utf-8") != _WITH_USERS:
            raise SetupError(
                f"kafka: {folder / 'data'} was formatted without users, which stack.security tls requires. "
                "Delete the data with `make clean`, or set stack.security to plaintext."
            )
        return
    identity = folder / "cluster.id"
    if not identity.exists():
        write_private(identity, new_cluster_id())
    command = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    command += ["--cluster-id", identity.read_text(encoding="utf-8"), "--config", str(folder / "server.properties")]
    users = folder / "users.arguments"
    write_users(settings, users)
    command.append(f"@{users}")
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited_environment())
    finally:
        users.unlink()  # it has passwords
    if answer.returncode:
        output = log_tail(answer.stdout + answer.stderr)
        raise SetupError(f"kafka: {folder / 'data'} could not be formatted. The end of the output:\n{output}")
    write_private(done, _WITH_USERS)


def new_cluster_id() -> str:
    """Return a random id in Kafka's format: 22 characters of URL-safe base64, which must not look like an option."""
    identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return identity if not identity.startswith("-") else new_cluster_id()


def probe_kafka(settings: Settings) -> str | None:
    """Return None if the broker answers with metadata that lists itself, else what was observed."""
    port = settings.ports.kafka
    try:
        # Probe the port first: the client logs every refused connection, and leaks a thread when it gives up.
        socket.create_connection(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_SECONDS).close()
        properties = kafka_endpoint(settings).properties
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=5000, **properties)
    except (OSError, KafkaError) as error:
        return f"127.0.0.1:{port}: {error}"
    try:
        return None if admin.describe_cluster()["brokers"] else "the cluster does not have an active broker yet"
    except KafkaError as error:
        return f"127.0.0.1:{port}: {error!r}"
    finally:
        admin.close()
