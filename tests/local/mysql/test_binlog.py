"""Changes in the binlog that a CDC reader does not see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.endpoints import MySqlEndpoint
from infra.mysql.binlog import find_compressed_transaction
from infra.mysql.connection import connect
from tests.local.mysql.conftest import Database


@pytest.fixture
def table(owner: MySqlEndpoint, administrator: MySqlEndpoint) -> Iterator[None]:
    """A table with a row, in a binlog that begins with this test."""
    with connect(administrator) as admin:
        admin.query("FLUSH BINARY LOGS")
    with connect(owner) as connection:
        connection.query("CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(2000))")
        connection.query("INSERT INTO notes VALUES (1, REPEAT('a', 2000))")
        connection.commit()
    yield
    # Other tests must not find what this one wrote.
    with connect(administrator) as admin:
        for _ in range(5):
            admin.query("FLUSH BINARY LOGS")


@pytest.mark.usefixtures("table")
def test_transaction_that_a_session_compressed_is_found(
    database: Database, administrator: MySqlEndpoint, cdc: MySqlEndpoint
) -> None:
    with connect(cdc) as reader:
        assert find_compressed_transaction(reader) is None

    with connect(administrator) as session:
        if database.server == "mysql":  # MariaDB does not have the setting
            session.query("SET SESSION binlog_transaction_compression = ON")
        session.query("INSERT INTO notes VALUES (2, REPEAT('b', 2000))")
        session.commit()

    with connect(cdc) as reader:
        found = find_compressed_transaction(reader)
    if database.server == "mysql":
        assert found is not None
        assert found.startswith("binlog.0")
    else:
        assert found is None
