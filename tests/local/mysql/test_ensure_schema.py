"""The table by its schema file: made once, then compared and never altered."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.schema import ensure_schema

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
TABLE = """CREATE TABLE players (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL,
    nationality VARCHAR(100) NOT NULL, score INT NOT NULL) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"""


def run(endpoint: MySqlEndpoint, sql: str) -> None:
    with connect(endpoint) as connection:
        connection.query(sql)
        connection.commit()


def binlog_position(admin: Connection) -> tuple[object, ...]:
    return fetch_rows(admin, "SHOW MASTER STATUS")[0]


def test_created_then_unchanged(application: MySqlEndpoint, admin: Connection) -> None:
    assert ensure_schema(application, SCHEMA_FILE, "players") == "created"
    position = binlog_position(admin)
    assert ensure_schema(application, SCHEMA_FILE, "players") == "unchanged"
    assert binlog_position(admin) == position


def test_names_are_compared_exactly(application: MySqlEndpoint) -> None:
    ensure_schema(application, SCHEMA_FILE, "players")
    with connect(application) as connection:
        with connection.cursor() as cursor:
            names = ["Alex", "alex", "Alex ", "Aléx", "Ale\u0301x"]
            cursor.executemany(
                "INSERT INTO players (name, nationality, score) VALUES (%s, 'US', 1)", [[n] for n in names]
            )
        assert fetch_rows(connection, "SELECT COUNT(DISTINCT name) FROM players") == [(5,)]
        assert fetch_rows(connection, "SELECT id FROM players WHERE name = 'Alex'") == [(1,)]


def test_a_table_made_by_other_words_is_the_same(application: MySqlEndpoint) -> None:
    run(application, TABLE)
    assert ensure_schema(application, SCHEMA_FILE, "players") == "unchanged"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "MODIFY score BIGINT NOT NULL",
            (
                "column 'score' is bigint(20) NOT NULL, wanted int(11) NOT NULL; "
                "mend: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY score INT NULL",
            (
                "column 'score' is int(11) NULL, wanted int(11) NOT NULL; "
                "mend: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY score INT NOT NULL DEFAULT 5",
            (
                "column 'score' is int(11) NOT NULL DEFAULT 5, wanted int(11) NOT NULL; "
                "mend: ALTER TABLE `players` MODIFY COLUMN `score` int(11) NOT NULL;"
            ),
        ),
        (
            "MODIFY name VARCHAR(80) NOT NULL",
            (
                "column 'name' is varchar(80) COLLATE utf8mb4_nopad_bin NOT NULL, wanted varchar(255) COLLATE "
                "utf8mb4_nopad_bin NOT NULL; mend: ALTER TABLE `players` MODIFY COLUMN `name` varchar(255) NOT NULL;"
            ),
        ),
        (
            "MODIFY name VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL",
            (
                "column 'name' is varchar(255) COLLATE utf8mb4_general_ci NOT NULL, wanted varchar(255) COLLATE "
                "utf8mb4_nopad_bin NOT NULL; mend: ALTER TABLE `players` MODIFY COLUMN `name` varchar(255) NOT NULL;"
            ),
        ),
        (
            "MODIFY id INT NOT NULL",
            (
                "column 'id' is int(11) NOT NULL, wanted int(11) NOT NULL auto_increment; "
                "mend: ALTER TABLE `players` MODIFY COLUMN `id` int(11) NOT NULL AUTO_INCREMENT;"
            ),
        ),
        (
            "DROP COLUMN score",
            "column 'score' is missing; mend: ALTER TABLE `players` ADD COLUMN `score` int(11) NOT NULL;",
        ),
        (
            "ADD COLUMN medal VARCHAR(9)",
            "column 'medal' is not in the file; mend: ALTER TABLE `players` DROP COLUMN `medal`;",
        ),
        (
            "DROP PRIMARY KEY, ADD PRIMARY KEY (id, name)",
            (
                "its primary key is id, name, wanted id; mend: "
                "ALTER TABLE `players` DROP PRIMARY KEY, ADD PRIMARY KEY (`id`);"
            ),
        ),
        (
            "DEFAULT COLLATE utf8mb4_general_ci",
            (
                "its collation is utf8mb4_general_ci, wanted utf8mb4_nopad_bin; mend: "
                "ALTER TABLE `players` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;"
            ),
        ),
    ],
)
def test_drift_is_named_not_touched_and_mended_by_the_statement(
    application: MySqlEndpoint, change: str, difference: str
) -> None:
    run(application, TABLE)
    run(application, f"ALTER TABLE players {change}")
    with connect(application) as connection:
        before = fetch_rows(connection, "SHOW CREATE TABLE players")
    with pytest.raises(SchemaError) as caught:
        ensure_schema(application, SCHEMA_FILE, "players")
    assert str(caught.value) == f"table 'players' in {application} is not what {SCHEMA_FILE} says:\n  {difference}"
    with connect(application) as connection:
        assert fetch_rows(connection, "SHOW CREATE TABLE players") == before
    run(application, difference.partition("mend: ")[2])
    assert ensure_schema(application, SCHEMA_FILE, "players") == "unchanged"


def test_every_difference_is_named(application: MySqlEndpoint) -> None:
    run(application, "CREATE TABLE players (id INT, name TEXT, score INT NOT NULL) CHARACTER SET latin1")
    with pytest.raises(SchemaError) as caught:
        ensure_schema(application, SCHEMA_FILE, "players")
    assert [line.split(" is ")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  its collation",
        "  column 'id'",
        "  column 'name'",
        "  column 'nationality'",
        "  its primary key",
    ]


def test_a_view_is_no_table(application: MySqlEndpoint) -> None:
    run(application, "CREATE VIEW players AS SELECT 1 AS id")
    with pytest.raises(SchemaError, match=r"'players' in .* is a view; give the table another name, or drop the view"):
        ensure_schema(application, SCHEMA_FILE, "players")


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("CREATE TABLE players (id INT)", "write it as one statement that begins CREATE TABLE IF NOT EXISTS players"),
        (
            "CREATE TABLE IF NOT EXISTS others (id INT)",
            "write it as one statement that begins CREATE TABLE IF NOT EXISTS players",
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INT); CREATE TABLE others (id INT)",
            "write it as one statement that begins CREATE TABLE IF NOT EXISTS players",
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INT,)",
            (
                "the server refuses it: You have an error in your SQL syntax; check the manual that corresponds to "
                "your MariaDB server version for the right syntax to use near ')' at line 1 (error 1064)"
            ),
        ),
        (
            "CREATE TABLE IF NOT EXISTS players (id INTEGRAL)",
            "the server refuses it: Unknown data type: 'INTEGRAL' (error 4161)",
        ),
    ],
)
def test_schema_file_that_will_not_do(application: MySqlEndpoint, tmp_path: Path, sql: str, problem: str) -> None:
    file = tmp_path / "schema.sql"
    file.write_text(sql)
    with pytest.raises(SchemaError) as caught:
        ensure_schema(application, file, "players")
    assert str(caught.value) == f"{file}: {problem}"


def test_no_schema_file(application: MySqlEndpoint, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"none\.sql: cannot be read: .*; it must be an SQL file in UTF-8"):
        ensure_schema(application, tmp_path / "none.sql", "players")
