"""The table of refusals on a real server: each input, its exact message, and a server that stays as it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import MySQLdb
import pytest

from infra.endpoints import MySqlEndpoint
from infra.mysql import seed as seeding
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.preflight import check_cdc_ready
from infra.mysql.preflight_tables import check_tables_ready
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import seed_table
from infra.mysql.seeded_tables import why_foreign
from infra.pipeline import MySqlSource, TableTopics
from infra.pipeline.definition import SPLIT_ROWS
from infra.refusals import Refusal
from infra.settings import load_settings
from tests.local.mysql.conftest import Database
from tests.local.mysql.test_check_cdc_ready import setting
from tests.support.refusals import Given, Inputs, files_below, of_tier

GROUPS = ("The database and its server", "Tables of your own database", "Data files and their tables")
SERVER = load_settings().mysql.server
SCHEMA = """\
CREATE TABLE IF NOT EXISTS players (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL, score INT NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"""
FIVE = "name,score\nAlex,7\nPeter,2\nJosef,8\nMax,4\nMary,9\n"
refused = Inputs()


@dataclass(frozen=True)
class Place:
    """A server, a database with its users, and a folder for files; `ends` undoes what a test does to the server."""

    database: Database
    name: str
    owner: MySqlEndpoint
    cdc: MySqlEndpoint
    admin: Connection
    folder: Path
    ends: ExitStack

    def run(self, *statements: str) -> None:
        """Run statements as the application that owns the tables."""
        with connect(self.owner) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def captured(self, *tables: str) -> Given:
        """Return the preflight of captured tables."""
        topics = TableTopics(prefix="shop.", partitions=1)
        source = MySqlSource(database=self.name, tables=tables, topics=topics)
        return Given(
            lambda: check_tables_ready(self.cdc, source),
            {"cdc": self.cdc, "database": self.name, "user": self.cdc.user},
        )

    def read(self, table: str = "players", server_ids: str = "5400-5409", **others: str) -> Given:
        """Return the preflight of one table that a job reads with SQL of its own."""
        return Given(
            lambda: check_cdc_ready(self.cdc, self.name, table, server_ids, others),
            {"cdc": self.cdc, "database": self.name, "user": self.cdc.user},
        )

    def players(self) -> Given:
        """Return the same for a table that can be read."""
        self.run(SCHEMA)
        return self.read()

    def seeded(self, content: str, table: str = "players", schema: str | None = SCHEMA) -> Given:
        """Return a seed of a file, as a deployment does it: at most 20 % of the rows are deleted."""
        if schema:
            (self.folder / "schema.sql").write_text(schema)
            ensure_schema(self.owner, self.folder / "schema.sql", table, "games")
        file, rejects = self.folder / "players.csv", self.folder / "rejects.csv"
        file.write_text(FIVE)
        if table == "players" and schema:
            seed_table(self.owner, table, file, rejects)
        file.write_text(content)

        def call() -> None:
            with connect(self.owner) as connection:
                foreign = why_foreign(connection, table, "games")
            seed_table(self.owner, table, file, rejects, max_deleted_percent=20, foreign=foreign)

        return Given(call, {"file": file, "rejects": rejects})

    def schema(self, content: str, table: str = "players") -> Given:
        """Return the creation of a table, or its comparison with the file."""
        file = self.folder / "schema.sql"
        file.write_text(content)
        return Given(lambda: ensure_schema(self.owner, file, table, "games"), {"file": file, "owner": self.owner})

    def rejection(self, statement: str) -> str:
        """Return the server's own words for a statement that it rejects."""
        with connect(self.owner) as connection, connection.cursor() as cursor, pytest.raises(MySQLdb.Error) as caught:
            cursor.execute(statement)
        return str(caught.value.args[1])

    def state(self) -> object:
        """Return databases, tables with their rows, users with their privileges, and files."""
        tables = fetch_rows(
            self.admin,
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN "
            "('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1, 2",
        )
        rows = {
            (schema, table): (
                fetch_rows(self.admin, f"SHOW CREATE TABLE `{schema}`.`{table}`"),
                fetch_rows(self.admin, f"CHECKSUM TABLE `{schema}`.`{table}`") if kind == "BASE TABLE" else None,
            )
            for schema, table, kind in tables
        }
        users = fetch_rows(self.admin, "SELECT User, Host FROM mysql.user ORDER BY 1, 2")
        grants = [fetch_rows(self.admin, f"SHOW GRANTS FOR '{user}'@'{host}'") for user, host in users]
        self.admin.commit()  # the next look must not see an old snapshot
        files = {name: text for name, text in files_below(self.folder).items() if not name.endswith("rejects.csv")}
        return fetch_rows(self.admin, "SHOW DATABASES"), rows, users, grants, files


@pytest.fixture
def place(
    database: Database, name: str, owner: MySqlEndpoint, cdc: MySqlEndpoint, admin: Connection, tmp_path: Path
) -> Iterator[Place]:
    with ExitStack() as ends:
        yield Place(database, name, owner, cdc, admin, tmp_path, ends)


@pytest.mark.parametrize("refusal", of_tier("local", GROUPS, SERVER), ids=lambda refusal: refusal.name)
def test_input_is_refused_with_its_message(refusal: Refusal, place: Place) -> None:
    refused.check(refusal, place, place.state, place.database.words)


def test_every_row_has_an_input() -> None:
    assert refused.names == sorted(refusal.name for refusal in of_tier("local", GROUPS))


@refused("server-unreachable")
def _(place: Place) -> Given:
    closed = place.ends.enter_context(socket.socket())
    closed.bind(("127.0.0.1", 0))  # bound but not listening, so that no other process gets this port
    endpoint = replace(place.cdc, port=closed.getsockname()[1])
    words = {"cdc": replace(endpoint, database=None), "reason": _reason(endpoint)}
    return Given(lambda: check_cdc_ready(endpoint, place.name, "players", "5400-5409"), words)


def _reason(endpoint: MySqlEndpoint) -> str:
    """Return what the client library reports."""
    with pytest.raises(MySQLdb.Error) as caught:
        MySQLdb.connect(host=endpoint.host, port=endpoint.port, user=endpoint.user, password=endpoint.password)
    return str(caught.value.args[1])


@refused("server-password")
def _(place: Place) -> Given:
    endpoint = replace(place.cdc, password="guess")
    words = {"cdc": replace(endpoint, database=None), "reason": _reason(endpoint)}
    return Given(lambda: check_cdc_ready(endpoint, place.name, "players", "5400-5409"), words)


@refused("database-missing")
def _(place: Place) -> Given:
    endpoint = replace(place.owner, database=f"{place.name}x")
    escaped = f"{place.name}x".replace("_", r"\_")
    place.admin.query(f"GRANT ALL ON `{escaped}`.* TO {place.owner.user}")
    file = place.folder / "schema.sql"
    file.write_text(SCHEMA)
    words = {"owner": endpoint, "database": f"{place.name}x"}
    return Given(lambda: ensure_schema(endpoint, file, "players", "games"), words)


def with_setting(place: Place, variable: str, value: str) -> Given:
    given = place.players()
    place.ends.enter_context(setting(place.admin, variable, value))
    return given


for name, (variable, value) in {
    "server-binlog-format": ("binlog_format", "MIXED"),
    "server-row-image": ("binlog_row_image", "MINIMAL"),
    "server-compression": ("binlog_transaction_compression", "1"),
}.items():
    refused(name)(partial(with_setting, variable=variable, value=value))


@refused("server-retention")
def _(place: Place) -> Given:
    given = place.players()
    place.ends.enter_context(setting(place.admin, "binlog_expire_logs_seconds", "3600"))
    return given


@refused("server-partial-json")
def _(place: Place) -> Given:
    place.run("CREATE TABLE items (id INT PRIMARY KEY)")
    place.ends.enter_context(setting(place.admin, "binlog_row_value_options", "PARTIAL_JSON"))
    place.ends.callback(place.admin.commit)  # the variable cannot be set back inside a transaction
    return place.captured("items")


@refused("server-tagged-gtid")
def _(place: Place) -> Given:
    given = place.players()
    modes = ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")
    with place.admin.cursor() as cursor:
        cursor.execute("SET GLOBAL enforce_gtid_consistency = ON")
        before = fetch_rows(place.admin, "SELECT @@GLOBAL.gtid_mode")[0][0]
        for mode in modes[modes.index(before) + 1 :] if before in modes else modes:
            cursor.execute(f"SET GLOBAL gtid_mode = {mode}")
        cursor.execute("SET gtid_next = 'AUTOMATIC:orders'")
        cursor.execute(f"CREATE TABLE {place.name}.tagged (id INT)")
        cursor.execute("SET gtid_next = 'AUTOMATIC'")

    def reset() -> None:
        with place.admin.cursor() as cursor:
            cursor.execute("RESET BINARY LOGS AND GTIDS")
            for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"):
                cursor.execute(f"SET GLOBAL gtid_mode = {mode}")

    place.ends.callback(reset)
    return given


@refused("server-vector")
def _(place: Place) -> Given:
    place.run(SCHEMA, "CREATE TABLE items (id INT PRIMARY KEY, embedding VECTOR(3))")
    return place.read()


@refused("server-login-plugin")
def _(place: Place) -> Given:
    given = place.players()
    place.admin.query(f"ALTER USER {place.cdc.user} IDENTIFIED WITH sha256_password BY '{place.cdc.password}'")
    return given


def without_privilege(place: Place, privilege: str) -> Given:
    given = place.players()
    escaped = place.name.replace("_", r"\_")
    where = "*.*" if "REPLICATION" in privilege else f"`{escaped}`.*"
    place.admin.query(f"REVOKE {privilege} ON {where} FROM {place.cdc.user}")
    return given


for name, privilege in {
    "user-without-replication-slave": "REPLICATION SLAVE",
    "user-without-replication-client": "REPLICATION CLIENT",
    "user-without-select": "SELECT",
}.items():
    refused(name)(partial(without_privilege, privilege=privilege))


def server_ids(place: Place, ids: str, **others: str) -> Given:
    place.run(SCHEMA)
    return place.read(server_ids=ids, **others)


for name, ids in {"server-ids-no-range": "5409-5400", "server-ids-of-the-server": "1-9"}.items():
    refused(name)(partial(server_ids, ids=ids))
refused("server-ids-of-another")(partial(server_ids, ids="5400-5409", arena="5405-5414"))


@refused("table-missing")
def _(place: Place) -> Given:
    return place.read("orders")


@refused("table-without-primary-key")
def _(place: Place) -> Given:
    place.run("CREATE TABLE events (id INT NOT NULL UNIQUE)")
    return place.read("events")


@refused("tables-without-match")
def _(place: Place) -> Given:
    place.run("CREATE TABLE items (id INT PRIMARY KEY)")
    return place.captured("items", "order_*")


def table(place: Place, statement: str) -> Given:
    place.run(f"CREATE TABLE items ({statement})")
    return place.captured("items")


for name, statement in {
    "table-without-key": "a INT UNIQUE, note VARCHAR(10)",
    "table-key-type": "price DOUBLE PRIMARY KEY, note VARCHAR(10)",
    "table-key-of-times": "y YEAR NOT NULL, t TIME NOT NULL, PRIMARY KEY (y, t)",
    "column-charset": "id INT PRIMARY KEY, note VARCHAR(10) CHARACTER SET gbk",
    "column-enum": "id INT PRIMARY KEY, kind ENUM('a\\\\b', 'c')",
    "column-vector": "id INT PRIMARY KEY, embedding VECTOR(3) NOT NULL",
    "column-uuid": "id INT PRIMARY KEY, code UUID",
    "column-compressed": "id INT PRIMARY KEY, note VARCHAR(1000) COMPRESSED",
}.items():
    refused(name)(partial(table, statement=statement))


@refused("table-is-a-view")
def _(place: Place) -> Given:
    place.run("CREATE VIEW items AS SELECT 1 AS id")
    return place.captured("items")


@refused("table-name")
def _(place: Place) -> Given:
    place.run("CREATE TABLE `old items` (id INT PRIMARY KEY)")
    return place.captured("old items")


@refused("table-cascade")
def _(place: Place) -> Given:
    place.run(
        "CREATE TABLE orders (id INT PRIMARY KEY)",
        "CREATE TABLE items (id INT PRIMARY KEY, order_id INT, CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES "
        "orders (id) ON DELETE CASCADE)",
    )
    return place.captured("items")


@refused("table-large-text-key")
def _(place: Place) -> Given:
    digits = "(" + " UNION ".join(f"SELECT {digit} AS d" for digit in range(10)) + ")"
    joined = " JOIN ".join(f"{digits} AS d{n}" for n in range(5))
    number = " + ".join(f"d{n}.d * {10**n}" for n in range(5))
    place.run(
        "CREATE TABLE items (code VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY)",
        f"INSERT INTO items SELECT {number} FROM {joined} WHERE {number} <= {SPLIT_ROWS}",
    )
    return place.captured("items")


for name, content in {
    "rows-invalid": 'name,score\nAlex,seven\n,2\nJosef,8\nMax,99999999999\nMary Lou of the Hills,9\nAl"ex,1\n',
    "rows-twice": "id,name,score\n1,Alex,7\n1,Max,4\n",
    "too-many-deletions": "name,score\nAlex,7\nPeter,2\n",
}.items():
    refused(name)(partial(Place.seeded, content=content))


@refused("constraint")
def _(place: Place) -> Given:
    schema = SCHEMA.replace("score INT NOT NULL", "score INT NOT NULL, CONSTRAINT positive CHECK (score > 0)")
    given = place.seeded(FIVE.replace("9", "-9"), schema=schema)
    return replace(given, words={**given.words, "reason": place.rejection("UPDATE players SET score = -9")})


@refused("table-foreign")
def _(place: Place) -> Given:
    place.run(SCHEMA, "INSERT INTO players VALUES (1, 'Alex', 7), (2, 'Yours', 1)")
    return place.seeded("name,score\nAlex,7\n", schema=None)


@refused("table-of-another-pipeline")
def _(place: Place) -> Given:
    file = place.folder / "schema.sql"
    file.write_text(SCHEMA)
    ensure_schema(place.owner, file, "players", "arena")
    return place.seeded(FIVE, schema=None)


for name, statement in {
    "seed-without-primary-key": "CREATE TABLE IF NOT EXISTS items (id INT NOT NULL UNIQUE)",
    "seed-column-type": "CREATE TABLE IF NOT EXISTS items (id INT PRIMARY KEY, price DOUBLE)",
    "seed-column-charset": (
        "CREATE TABLE IF NOT EXISTS items (id INT PRIMARY KEY, note VARCHAR(9) CHARACTER SET latin1)"
    ),
}.items():
    refused(name)(partial(Place.seeded, content="id\n1\n", table="items", schema=statement))


@refused("seed-locked")
def _(place: Place) -> Given:
    given = place.seeded(FIVE)
    other = place.ends.enter_context(connect(place.owner))
    assert seeding._lock(other, "players") == 5
    place.ends.enter_context(pytest.MonkeyPatch.context()).setattr(seeding, "LOCK_WAIT_SECONDS", 1)
    return replace(given, words={**given.words, "seconds": 1})


@refused("schema-rejected")
def _(place: Place) -> Given:
    statement = "CREATE TABLE IF NOT EXISTS players (id INT PRIMARY KEY, id INT)"
    given = place.schema(statement)
    return replace(given, words={**given.words, "reason": place.rejection(statement)})


@refused("schema-view")
def _(place: Place) -> Given:
    place.run("CREATE VIEW players AS SELECT 1 AS id")
    return place.schema(SCHEMA)


@refused("schema-differs")
def _(place: Place) -> Given:
    place.run(SCHEMA.replace("score INT NOT NULL", "score BIGINT NOT NULL, team INT"))
    return place.schema(SCHEMA)
