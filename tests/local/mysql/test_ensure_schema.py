"""The table of a schema file: created once, then compared, never altered."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import Connection, binlog_position, connect, fetch_rows
from infra.mysql.schema import ensure_schema, preview_schema
from infra.plan import Action
from tests.local.mysql.conftest import Database

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
TABLE = """CREATE TABLE players (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL,
    nationality VARCHAR(100) NOT NULL, score INT NOT NULL) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"""

UNSUPPORTED = (
    "unsupported content. Expected one statement that starts with CREATE TABLE IF NOT EXISTS players. Rewrite the file."
)


def run(endpoint: MySqlEndpoint, sql: str) -> None:
    with connect(endpoint) as connection:
        connection.query(sql)
        connection.commit()


def test_created_then_unchanged(owner: MySqlEndpoint, admin: Connection) -> None:
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "created"
    position = binlog_position(admin)
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "unchanged"
    assert binlog_position(admin) == position


def test_preview_agrees_with_what_is_done_then_and_changes_nothing(owner: MySqlEndpoint, admin: Connection) -> None:
    position = binlog_position(admin)

    assert preview_schema(owner, SCHEMA_FILE, "players").action is Action.CREATE
    assert binlog_position(admin) == position
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "created"
    assert preview_schema(owner, SCHEMA_FILE, "players").action is Action.UNCHANGED


def test_names_are_compared_exactly(owner: MySqlEndpoint) -> None:
    ensure_schema(owner, SCHEMA_FILE, "players", "games")
    with connect(owner) as connection:
        with connection.cursor() as cursor:
            names = ["Alex", "alex", "Alex ", "Aléx", "Ale\u0301x"]
            cursor.executemany(
                "INSERT INTO players (name, nationality, score) VALUES (%s, 'US', 1)", [[n] for n in names]
            )
        assert fetch_rows(connection, "SELECT COUNT(DISTINCT name) FROM players") == [(5,)]
        assert fetch_rows(connection, "SELECT id FROM players WHERE name = 'Alex'") == [(1,)]


def test_an_equal_table_from_another_statement_is_unchanged(database: Database, owner: MySqlEndpoint) -> None:
    run(owner, database.words(TABLE))
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "unchanged"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "MODIFY score BIGINT NOT NULL",
            (
                "column 'score' is bigint(20) NOT NULL. Expected int(11) NOT NULL. "
                "Run: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY score INT NULL",
            (
                "column 'score' is int(11) NULL. Expected int(11) NOT NULL. "
                "Run: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY score INT NOT NULL DEFAULT 5",
            (
                "column 'score' is int(11) NOT NULL DEFAULT 5. Expected int(11) NOT NULL. "
                "Run: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY name VARCHAR(80) NOT NULL",
            (
                "column 'name' is varchar(80) COLLATE utf8mb4_nopad_bin NOT NULL. Expected varchar(255) COLLATE "
                "utf8mb4_nopad_bin NOT NULL. Run: ALTER TABLE `players` MODIFY COLUMN `name` varchar(255) NOT NULL;"
            ),
        ),
        (
            "MODIFY name VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL",
            (
                "column 'name' is varchar(255) COLLATE utf8mb4_general_ci NOT NULL. Expected varchar(255) COLLATE "
                "utf8mb4_nopad_bin NOT NULL. Run: ALTER TABLE `players` MODIFY COLUMN `name` varchar(255) NOT NULL;"
            ),
        ),
        (
            "MODIFY id INT NOT NULL",
            (
                "column 'id' is int(11) NOT NULL. Expected int(11) NOT NULL auto_increment. "
                "Run: ALTER TABLE `players` MODIFY COLUMN `id` int(11) NOT NULL AUTO_INCREMENT;"
            ),
        ),
        (
            "DROP COLUMN score",
            "column 'score' is missing. Run: ALTER TABLE `players` ADD COLUMN `score` int(11) NOT NULL;",
        ),
        (
            "ADD COLUMN medal VARCHAR(9)",
            "column 'medal' is not in the file. Run: ALTER TABLE `players` DROP COLUMN `medal`;",
        ),
        (
            "DROP PRIMARY KEY, ADD PRIMARY KEY (id, name)",
            (
                "its primary key is id, name. Expected id. Run: "
                "ALTER TABLE `players` DROP PRIMARY KEY, ADD PRIMARY KEY (`id`);"
            ),
        ),
        (
            "DEFAULT COLLATE utf8mb4_general_ci",
            (
                "its collation is utf8mb4_general_ci. Expected utf8mb4_nopad_bin. Run: "
                "ALTER TABLE `players` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;"
            ),
        ),
    ],
)
def test_drift_is_reported_not_altered_and_fixed_by_the_statement(
    database: Database, owner: MySqlEndpoint, change: str, difference: str
) -> None:
    run(owner, database.words(TABLE))
    difference = database.words(difference)
    run(owner, f"ALTER TABLE players {change}")
    with connect(owner) as connection:
        before = fetch_rows(connection, "SHOW CREATE TABLE players")
    with pytest.raises(SchemaError) as caught:
        ensure_schema(owner, SCHEMA_FILE, "players", "games")
    assert str(caught.value) == f"table 'players' in {owner} differs from {SCHEMA_FILE}:\n  {difference}"
    with connect(owner) as connection:
        assert fetch_rows(connection, "SHOW CREATE TABLE players") == before
    run(owner, difference.partition("Run: ")[2])
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "unchanged"


def test_every_difference_is_reported(owner: MySqlEndpoint) -> None:
    run(owner, "CREATE TABLE players (id INT, name TEXT, score INT NOT NULL) CHARACTER SET latin1")
    with pytest.raises(SchemaError) as caught:
        ensure_schema(owner, SCHEMA_FILE, "players", "games")
    assert [line.split(" is ")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  its collation",
        "  column 'id'",
        "  column 'name'",
        "  column 'nationality'",
        "  its primary key",
    ]


def test_a_view_is_not_a_table(owner: MySqlEndpoint) -> None:
    run(owner, "CREATE VIEW players AS SELECT 1 AS id")
    with pytest.raises(SchemaError, match=r"'players' in .* is a view\. Expected a table\. Drop the view, or rename"):
        ensure_schema(owner, SCHEMA_FILE, "players", "games")


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("CREATE TABLE players (id INT)", UNSUPPORTED),
        (
            "CREATE TABLE IF NOT EXISTS others (id INT)",
            UNSUPPORTED,
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INT); CREATE TABLE others (id INT)",
            UNSUPPORTED,
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INT,)",
            (
                "rejected by the server: You have an error in your SQL syntax; check the manual that corresponds to "
                "your MariaDB server version for the right syntax to use near ')' at line 1 (error 1064). Fix the SQL."
            ),
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INT, id INT)",
            "rejected by the server: Duplicate column name 'id' (error 1060). Fix the SQL.",
        ),
    ],
)
def test_invalid_schema_file(database: Database, owner: MySqlEndpoint, tmp_path: Path, sql: str, problem: str) -> None:
    file = tmp_path / "schema.sql"
    file.write_text(sql)
    with pytest.raises(SchemaError) as caught:
        ensure_schema(owner, file, "players", "games")
    assert str(caught.value) == database.words(f"{file}: {problem}")


def test_unreadable_schema_file(owner: MySqlEndpoint, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"none\.sql: cannot be read: .*\. Expected an SQL file in UTF-8\."):
        ensure_schema(owner, tmp_path / "none.sql", "players", "games")
