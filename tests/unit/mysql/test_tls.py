"""TLS in the extra of a MySQL connection, under the names of Airflow's provider and of MySQL's clients."""

from __future__ import annotations

from typing import Any

import pytest

from infra.endpoints import MySqlEndpoint, MySqlTls
from infra.errors import SettingsError
from infra.mysql.connection import connect
from infra.mysql.tls import mysql_tls

ORIGIN = "connection 'games_mysql', extra"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, None),
        ({"jobs_host": "db", "charset": "utf8"}, None),
        ({"ssl_mode": "disabled"}, None),
        ({"ssl_mode": "REQUIRED"}, MySqlTls("REQUIRED")),
        ({"ssl": {"ca": "/ca"}}, MySqlTls("VERIFY_CA", "/ca")),
        ({"ssl": '{"ca": "/ca", "cert": "/c", "key": "/k"}'}, MySqlTls("VERIFY_CA", "/ca", "/c", "/k")),
        ({"ssl_ca": "/ca", "ssl_mode": "verify_identity"}, MySqlTls("VERIFY_IDENTITY", "/ca")),
        ({"ssl_cert": "/c", "ssl_key": "/k"}, MySqlTls("REQUIRED", "", "/c", "/k")),
    ],
)
def test_names_and_default_modes(extra: dict[str, Any], expected: MySqlTls | None) -> None:
    assert mysql_tls(extra, ORIGIN) == expected


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"ssl_mode": "STRICT"},
            "ssl_mode is 'STRICT'. Expected one of: DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY. Fix it.",
        ),
        (
            {"ssl_mode": "VERIFY_CA"},
            (
                "ssl_mode is VERIFY_CA, but ssl_ca is missing. Expected the path of the certificate that signed the "
                "server's. Add ssl_ca."
            ),
        ),
        (
            {"ssl_ca": "/ca", "ssl_key": "/k"},
            "only one of ssl_cert and ssl_key is set. Expected both or none. Add the other.",
        ),
        ({"ssl": "yes"}, 'ssl is not an object. Expected {"ca": "/path/ca.pem"}. Fix or remove it.'),
        ({"ssl": {"chain": "/c"}}, "unknown key of ssl: chain. Expected one of: ca, cert, key. Remove it."),
        ({"ssl_ca": 7}, "ssl_ca is a int, but must be text. Fix it."),
    ],
)
def test_error_names_the_key_and_the_fix(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        mysql_tls(extra, ORIGIN)
    assert str(caught.value) == f"{ORIGIN}: {message}"


def test_missing_file_is_named_before_the_server_is_reached() -> None:
    endpoint = MySqlEndpoint("127.0.0.1", 1, "games_cdc", "swordfish", tls=MySqlTls("VERIFY_CA", "/gone/ca.crt"))
    with pytest.raises(SettingsError) as caught, connect(endpoint):
        pass
    assert str(caught.value) == (
        f"{endpoint}: the file /gone/ca.crt of ssl_ca does not exist. Fix ssl_ca in the connection's extra, or mount "
        "the file where tasks run."
    )
