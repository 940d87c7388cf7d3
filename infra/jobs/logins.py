"""How the jobs log in to Kafka and MySQL: properties of their Java clients that refer to secrets, and these secrets.

A reference is `${secret:<folder>:<key>}`, or `${quoted:...}` inside of quotes. `SecretFiles` of the jobs' functions
replaces it where a connection is opened, so that no secret is in an argument or in the job graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import SettingsError
from infra.jobs.job import Secret

PASSWORD, CA, CERT, KEY, KEY_PASSWORD = "password", "ca.crt", "tls.crt", "tls.key", "key-password"
_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
# Options of kafka-python with these prefixes are for login or TLS. The others only tune that client.
_SECURITY = ("sasl_", "ssl_", "security_")
_SUPPORTED = frozenset(
    {"security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password", "ssl_check_hostname"}
    | {"ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password"}
)


@dataclass(frozen=True)
class Login:
    """Properties of a client, the reference to its password, and the secrets that both refer to."""

    properties: dict[str, str]
    secrets: tuple[Secret, ...]
    password: str = ""


def kafka_login(endpoint: KafkaEndpoint, secret: str, folder: str) -> Login:
    """Return the Kafka client's properties; none for plain text without a login.

    `secret` is the name of the Kubernetes Secret, and `folder` has the job's secrets. SettingsError if the jobs do not
    support an option of the connection.
    """
    options = {name: value for name, value in endpoint.properties.items() if value is not None}
    unsupported = sorted(name for name in options if name.startswith(_SECURITY) and name not in _SUPPORTED)
    if unsupported:
        raise SettingsError(
            f"{endpoint}: the jobs do not support {unsupported[0].replace('_', '.')}. Expected some of: "
            f"{', '.join(name.replace('_', '.') for name in sorted(_SUPPORTED))}. Remove it from the extra."
        )
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    properties, secrets = dict[str, str](), list[Secret]()
    if protocol != "PLAINTEXT":
        properties["security.protocol"] = protocol
    if protocol.startswith("SASL"):
        properties |= _sasl(endpoint, f"{folder}/{secret}")
        secrets.append(Secret(secret, PASSWORD, value=str(options["sasl_plain_password"])))
    if protocol.endswith("SSL"):
        files = {CA: "ssl_cafile", CERT: "ssl_certfile", KEY: "ssl_keyfile"}
        found = [Secret(secret, key, file=str(options[name])) for key, name in files.items() if options.get(name)]
        if options.get("ssl_password"):
            found.append(Secret(secret, KEY_PASSWORD, value=str(options["ssl_password"])))
        properties |= _stores({each.key for each in found}, f"{folder}/{secret}")
        if options.get("ssl_check_hostname") is False:
            properties["ssl.endpoint.identification.algorithm"] = ""
        secrets += found
    return Login(properties, tuple(secrets))


def _sasl(endpoint: KafkaEndpoint, folder: str) -> dict[str, str]:
    options = endpoint.properties
    for name in ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"):
        if not options.get(name):
            raise SettingsError(
                f"{endpoint}: {name.replace('_', '.')} is missing, which security.protocol "
                f"{options['security_protocol']} requires. Add it to the connection's extra."
            )
    mechanism, user = str(options["sasl_mechanism"]), str(options["sasl_plain_username"])
    if mechanism not in _MODULES:
        raise SettingsError(
            f"{endpoint}: the jobs do not support sasl.mechanism {mechanism}. Expected one of: {', '.join(_MODULES)}. "
            "Fix it in the connection's extra."
        )
    user = user.replace("\\", "\\\\").replace('"', '\\"')
    password = f"${{quoted:{folder}:{PASSWORD}}}"
    jaas = f'{_MODULES[mechanism]} required username="{user}" password="{password}";'
    return {"sasl.mechanism": mechanism, "sasl.jaas.config": jaas}


def _stores(keys: set[str], folder: str) -> dict[str, str]:
    """Return the stores of certificates and keys as PEM, whose content the client gets in place of a path."""

    def reference(key: str) -> str:
        return f"${{secret:{folder}:{key}}}"

    properties = dict[str, str]()
    if CA in keys:
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": reference(CA)}
    if CERT in keys:
        chain = {"ssl.keystore.certificate.chain": reference(CERT), "ssl.keystore.key": reference(KEY)}
        properties |= {"ssl.keystore.type": "PEM", **chain}
    if KEY_PASSWORD in keys:
        properties["ssl.key.password"] = reference(KEY_PASSWORD)
    return properties


def mysql_login(endpoint: MySqlEndpoint, secret: str, folder: str) -> Login:
    """Return the properties of the CDC connector without the prefix `debezium.`; none without TLS."""
    reference = f"${{secret:{folder}/{secret}:"
    secrets, properties = [Secret(secret, PASSWORD, value=endpoint.password)], dict[str, str]()
    if endpoint.tls:
        properties["database.ssl.mode"] = endpoint.tls.mode.lower()
        files = {"ca": (CA, endpoint.tls.ca), "cert": (CERT, endpoint.tls.cert), "key": (KEY, endpoint.tls.key)}
        for name, (key, path) in files.items():
            if path:
                properties[f"database.ssl.{name}"] = f"{reference}{key}}}"
                secrets.append(Secret(secret, key, file=path))
    return Login(properties, tuple(secrets), f"{reference}{PASSWORD}}}")
