"""How a job logs in: properties that refer to secrets, and never contain one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint, MySqlTls
from infra.errors import SettingsError
from infra.jobs.job import Secret
from infra.jobs.logins import kafka_login, mysql_login

SCRAM = KafkaEndpoint(
    "broker:9093",
    {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": 'a"b',
        "sasl_plain_password": "swordfish",
        "ssl_cafile": "/tls/ca.crt",
        "request_timeout_ms": 5000,
    },
)
MYSQL = MySqlEndpoint("db", 3306, "games_cdc", "swordfish")


def test_plain_text_needs_no_properties_and_no_secret() -> None:
    login = kafka_login(KafkaEndpoint("broker:9092", {"request_timeout_ms": 5000}), "games-kafka", "/s/games.cdc")
    assert (login.properties, login.secrets) == ({}, ())


def test_password_over_tls() -> None:
    login = kafka_login(SCRAM, "games-kafka", "/s/games.cdc")
    assert login.properties == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": (
            'org.apache.kafka.common.security.scram.ScramLoginModule required username="a\\"b" '
            'password="${quoted:/s/games.cdc/games-kafka:password}";'
        ),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "${secret:/s/games.cdc/games-kafka:ca.crt}",
    }
    assert login.secrets == (
        Secret("games-kafka", "password", "swordfish"),
        Secret("games-kafka", "ca.crt", file="/tls/ca.crt"),
    )
    assert "swordfish" not in repr(login)


def test_certificate_of_the_client() -> None:
    files = {"ssl_cafile": "/ca", "ssl_certfile": "/crt", "ssl_keyfile": "/key", "ssl_password": "marlin"}
    options = {"security_protocol": "SSL", "ssl_check_hostname": False, **files}
    login = kafka_login(KafkaEndpoint("broker:9093", options), "games-kafka", "/s")
    assert login.properties == {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "${secret:/s/games-kafka:ca.crt}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "${secret:/s/games-kafka:tls.crt}",
        "ssl.keystore.key": "${secret:/s/games-kafka:tls.key}",
        "ssl.key.password": "${secret:/s/games-kafka:key-password}",
        "ssl.endpoint.identification.algorithm": "",
    }
    assert [secret.key for secret in login.secrets] == ["ca.crt", "tls.crt", "tls.key", "key-password"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"sasl_kerberos_service_name": "kafka"},
            (
                "the jobs do not support sasl.kerberos.service.name. Expected some of: sasl.mechanism, "
                "sasl.plain.password, sasl.plain.username, security.protocol, ssl.cafile, ssl.certfile, "
                "ssl.check.hostname, ssl.keyfile, ssl.password. Remove it from the extra."
            ),
        ),
        (
            {"sasl_plain_password": None},
            (
                "sasl.plain.password is missing, which security.protocol SASL_SSL requires. Add it to the connection's "
                "extra."
            ),
        ),
        (
            {"sasl_mechanism": "GSSAPI"},
            (
                "the jobs do not support sasl.mechanism GSSAPI. Expected one of: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. "
                "Fix it in the connection's extra."
            ),
        ),
    ],
)
def test_login_that_the_jobs_do_not_support(changed: dict[str, object], message: str) -> None:
    endpoint = replace(SCRAM, properties={**SCRAM.properties, **changed})
    with pytest.raises(SettingsError) as caught:
        kafka_login(endpoint, "games-kafka", "/s")
    assert str(caught.value) == f"kafka://broker:9093: {message}"


def test_password_of_mysql_is_a_reference() -> None:
    login = mysql_login(MYSQL, "games-mysql-cdc", "/s/games.cdc")
    assert login.password == "${secret:/s/games.cdc/games-mysql-cdc:password}"
    assert login.properties == {}
    assert login.secrets == (Secret("games-mysql-cdc", "password", "swordfish"),)


def test_tls_of_mysql() -> None:
    login = mysql_login(replace(MYSQL, tls=MySqlTls("VERIFY_CA", "/ca", "/crt", "/key")), "games-mysql-cdc", "/s")
    assert login.properties == {
        "database.ssl.mode": "verify_ca",
        "database.ssl.ca": "${secret:/s/games-mysql-cdc:ca.crt}",
        "database.ssl.cert": "${secret:/s/games-mysql-cdc:tls.crt}",
        "database.ssl.key": "${secret:/s/games-mysql-cdc:tls.key}",
    }
    assert [(secret.key, secret.file) for secret in login.secrets] == [
        ("password", ""), ("ca.crt", "/ca"), ("tls.crt", "/crt"), ("tls.key", "/key"),
    ]  # fmt: skip
