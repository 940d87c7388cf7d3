"""Login and TLS of the local stack's broker: its listeners, its users, and the properties of its clients."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.stacks.data_directory import ensure_data_dir, locked
from infra.stacks.local.certificates import certificates
from infra.stacks.passwords import ensure_passwords
from infra.stacks.private_files import write_private

MECHANISM = "SCRAM-SHA-512"
CLIENT, BROKER = "platform", "broker"
_PROTOCOLS = {"plaintext": "PLAINTEXT", "tls": "SASL_SSL", "mtls": "SSL"}


def client_security(settings: Settings) -> dict[str, str]:
    """Return the client properties with which a client connects."""
    security, files = settings.stack.security, certificates(settings)
    if security == "plaintext":
        return {}
    properties = {"security_protocol": _PROTOCOLS[security], "ssl_cafile": str(files.ca)}
    if security == "mtls":
        return {**properties, "ssl_certfile": str(files.client_cert), "ssl_keyfile": str(files.client_key)}
    login = {"sasl_plain_username": CLIENT, "sasl_plain_password": broker_passwords(settings)[CLIENT]}
    return {**properties, "sasl_mechanism": MECHANISM, **login}


def listener_properties(settings: Settings) -> dict[str, str]:
    """Return the properties of the broker's two listeners: for clients and itself, and for its controller."""
    security, ports = settings.stack.security, settings.ports
    protocol, controller = _PROTOCOLS[security], "PLAINTEXT" if security == "plaintext" else "SSL"
    properties = {
        "listeners": f"{protocol}://127.0.0.1:{ports.kafka},CONTROLLER://127.0.0.1:{ports.kafka_controller}",
        "advertised.listeners": f"{protocol}://127.0.0.1:{ports.kafka}",
        "listener.security.protocol.map": f"{protocol}:{protocol},CONTROLLER:{controller}",
        "inter.broker.listener.name": protocol,
    }
    if security == "plaintext":
        return properties
    files = certificates(settings)
    properties |= {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(files.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.ca),
        "listener.name.controller.ssl.client.auth": "required",  # the broker itself is the only client
    }
    if security == "mtls":
        return {**properties, "listener.name.ssl.ssl.client.auth": "required"}
    password = broker_passwords(settings)[BROKER]
    return {
        **properties,
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": (
            f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{BROKER}" '
            f'password="{password}";'
        ),
    }


def write_users(settings: Settings, path: Path) -> None:
    """Write the file of arguments that create the users when the storage is formatted.

    A file, because the arguments of a process are visible to every user of the machine.
    """
    users = [f"{MECHANISM}=[name={name},password={value}]" for name, value in broker_passwords(settings).items()]
    write_private(path, "".join(f"--add-scram\n{user}\n" for user in users))


def broker_passwords(settings: Settings) -> dict[str, str]:
    """Return the password of each user of the broker; missing ones are generated."""
    names = {name: f"kafka.{name}" for name in (CLIENT, BROKER)}
    data_dir = ensure_data_dir(settings)
    with locked(data_dir, "secrets"):
        passwords = ensure_passwords(data_dir, names.values())
    return {name: passwords[key] for name, key in names.items()}
