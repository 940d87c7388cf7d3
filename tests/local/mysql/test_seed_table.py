"""Seeding: the table equals the file, and nothing but the differences was touched."""

from __future__ import annotations

import csv
import random
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import DataFileError, SchemaError, TerminalError, WaitTimeoutError
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import SeedReport, _lock, seed_table

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
FIVE = "name,nationality,score\nAlex,Austria,7\nPeter,US,2\nJosef,US,8\nMax,Austria,4\nPeter,US,2\n"
ROWS = [
    (1, "Alex", "Austria", 7),
    (2, "Peter", "US", 2),
    (3, "Josef", "US", 8),
    (4, "Max", "Austria", 4),
    (5, "Peter", "US", 2),
]
Seed = Callable[..., SeedReport]


@pytest.fixture
def rejects_file(tmp_path: Path) -> Path:
    return tmp_path / "rejects" / "players.csv"


@pytest.fixture
def seed(application: MySqlEndpoint, tmp_path: Path, rejects_file: Path) -> Seed:
    """Seeds `players`, or another table, with the text or bytes that it is given."""
    ensure_schema(application, SCHEMA_FILE, "players")

    def seed(content: str | bytes, table: str = "players", allow_rejects: bool = False) -> SeedReport:
        file = tmp_path / "data.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return seed_table(application, table, file, rejects_file, allow_rejects)

    return seed


def table_rows(endpoint: MySqlEndpoint, table: str = "players") -> list[tuple[object, ...]]:
    with connect(endpoint) as connection:
        return fetch_rows(connection, f"SELECT * FROM {table} ORDER BY id")


def run(endpoint: MySqlEndpoint, *statements: str) -> None:
    with connect(endpoint) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def binlog_since(admin: Connection, owner: MySqlEndpoint, position: tuple[str, int]) -> str:
    """What the server logged since then, rows spelled out."""
    file, offset = position
    command = ["mariadb-binlog", "--no-defaults", "--read-from-remote-server", f"--socket={owner.unix_socket}"]
    options = [f"--user={owner.user}", "--verbose", "--base64-output=decode-rows", f"--start-position={offset}", file]
    return subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout


def binlog_position(admin: Connection) -> tuple[str, int]:
    file, offset, *_ = fetch_rows(admin, "SHOW MASTER STATUS")[0]
    return str(file), int(offset)


def test_first_seed_numbers_the_rows(seed: Seed, application: MySqlEndpoint) -> None:
    report = seed(FIVE)
    assert report == SeedReport(inserted=5, updated=0, deleted=0, unchanged=0, rejected=0)
    assert (str(report), report.changed) == ("inserted 5, updated 0, deleted 0, unchanged 0, rejected 0", True)
    assert report.seconds > 0
    assert table_rows(application) == ROWS


def test_again_leaves_the_binlog_as_it_is(seed: Seed, admin: Connection) -> None:
    seed(FIVE)
    position = binlog_position(admin)
    report = seed(FIVE)
    assert (str(report), report.changed) == ("unchanged: 5 rows", False)
    assert binlog_position(admin) == position


def test_only_rows_that_differ_are_logged(
    seed: Seed, admin: Connection, application: MySqlEndpoint, owner: MySqlEndpoint
) -> None:
    seed(FIVE)
    position = binlog_position(admin)
    report = seed(
        "id,name,nationality,score\n1,alex,Austria,7\n3,Josef,US,8\n4,Max ,Austria,4\n5,Peter,US,2\n9,Mary,Italy,9\n"
    )
    assert str(report) == "inserted 1, updated 2, deleted 1, unchanged 2, rejected 0"
    log = binlog_since(admin, owner, position)
    assert Counter(re.findall(r"^### (INSERT|UPDATE|DELETE) ", log, re.MULTILINE)) == {
        "INSERT": 1,
        "UPDATE": 2,
        "DELETE": 1,
    }
    assert log.count("COMMIT") == 1
    assert "TEMPORARY" not in log
    assert table_rows(application) == [
        (1, "alex", "Austria", 7),
        (3, "Josef", "US", 8),
        (4, "Max ", "Austria", 4),
        (5, "Peter", "US", 2),
        (9, "Mary", "Italy", 9),
    ]


def test_changes_of_others_are_undone(seed: Seed, application: MySqlEndpoint) -> None:
    seed(FIVE)
    run(
        application,
        "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)",
        "UPDATE players SET score = 10 WHERE id = 1",
        "DELETE FROM players WHERE id = 2",
    )
    assert str(seed(FIVE)) == "inserted 1, updated 1, deleted 1, unchanged 3, rejected 0"
    assert table_rows(application) == ROWS


def test_header_alone_empties_the_table(seed: Seed, application: MySqlEndpoint) -> None:
    seed(FIVE)
    assert seed("name,nationality,score\n").deleted == 5
    assert table_rows(application) == []


def test_ids_of_zero_and_below_stay(seed: Seed, application: MySqlEndpoint) -> None:
    seed("id,name,nationality,score\n0,A,US,1\n-5,B,US,1\n")
    assert [row[0] for row in table_rows(application)] == [-5, 0]


def test_the_next_row_of_an_application_gets_the_next_id(seed: Seed, application: MySqlEndpoint) -> None:
    seed(FIVE)
    run(application, "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)")
    assert table_rows(application)[-1] == (6, "Mary", "Italy", 9)


def many_rows(count: int) -> list[tuple[int, str, str, int]]:
    """Names of every kind, many of which differ in case, accents or trailing spaces alone; the same every time."""
    chance = random.Random(20260)
    stems = [
        "Alex",
        "alex",
        "ALEX",
        "Alex ",
        "Alex  ",
        " Alex",
        "Aléx",
        "Ale\u0301x",
        "\uff21lex",
        "Žofie",
        "李娜",
        "😀",
    ]
    stems += [
        'O"Neil',
        "a,b",
        "x\ny",
        "x\r\ny",
        "it's",
        "back\\slash",
        "100%",
        "%s",
        "\t",
        "ß",
        "SS",
        "NULL",
        "x" * 255,
    ]
    ids = chance.sample(range(1, count * 10), count)
    return [
        (
            number,
            chance.choice(stems),
            chance.choice(["US", "us", "US ", "Österreich"]),
            chance.randint(-(2**31), 2**31 - 1),
        )
        for number in ids
    ]


def write(path: Path, rows: list[tuple[int, str, str, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "nationality", "score"])
        writer.writerows(rows)


def test_two_hundred_thousand_rows_arrive_as_they_are(
    seed: Seed, application: MySqlEndpoint, tmp_path: Path, rejects_file: Path
) -> None:
    rows = many_rows(200_000)
    file = tmp_path / "many.csv"
    write(file, rows)
    report = seed_table(application, "players", file, rejects_file)
    print(f"{report} in {report.seconds:.2f} s: {len(rows) / report.seconds:,.0f} rows/s")
    assert report == SeedReport(200_000, 0, 0, 0, 0)
    assert table_rows(application) == sorted(rows)
    changed = [(number, name.swapcase(), nationality, score) for number, name, nationality, score in rows[:1000]]
    differing = sum(before != after for before, after in zip(rows, changed, strict=False))
    write(file, [*changed, *rows[1500:]])
    report = seed_table(application, "players", file, rejects_file)
    print(f"{report} in {report.seconds:.2f} s")
    assert report == SeedReport(0, differing, 500, 199_500 - differing, 0)
    assert table_rows(application) == sorted([*changed, *rows[1500:]])


BAD = """id,name,nationality,score
1,Alex,Austria,7
2,Peter,US,x
1,Josef,US,8
4,,Austria,4
4,Max,Austria,4
1,Eve,US,1
"""


def test_rejected_rows_stop_the_seed(
    seed: Seed, application: MySqlEndpoint, tmp_path: Path, rejects_file: Path
) -> None:
    seed(FIVE)
    with pytest.raises(DataFileError) as caught:
        seed(BAD)
    assert str(caught.value) == (
        f"{tmp_path}/data.csv: 4 rows were rejected, so nothing was loaded:\n"
        "  line 3: score 'x' is not a whole number\n"
        "  line 4: duplicate id: line 2 has it already\n"
        "  line 5: name is empty\n"
        f"All of them are in {rejects_file}. Mend the data file, or load the good rows alone with allow_rejects"
    )
    with rejects_file.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "raw"],
            ["3", "score 'x' is not a whole number", "2,Peter,US,x"],
            ["5", "name is empty", "4,,Austria,4"],
            ["4", "duplicate id: line 2 has it already", "1,Josef,US,8"],
            ["7", "duplicate id: line 2 has it already", "1,Eve,US,1"],
        ]
    assert table_rows(application) == ROWS


def test_good_rows_alone_are_loaded_when_allowed(seed: Seed, application: MySqlEndpoint, rejects_file: Path) -> None:
    report = seed(BAD, allow_rejects=True)
    assert str(report) == "inserted 2, updated 0, deleted 0, unchanged 0, rejected 4"
    assert table_rows(application) == [(1, "Alex", "Austria", 7), (4, "Max", "Austria", 4)]
    assert rejects_file.exists()
    report = seed(BAD, allow_rejects=True)
    assert (str(report), report.changed) == ("inserted 0, updated 0, deleted 0, unchanged 2, rejected 4", False)
    seed(FIVE)
    assert not rejects_file.exists()


def test_one_rejected_row_and_bytes_that_are_no_text(seed: Seed, rejects_file: Path) -> None:
    with pytest.raises(
        DataFileError, match="1 row was rejected, so nothing was loaded:\n  line 2: not UTF-8: byte 0xe9"
    ):
        seed(b"name,nationality,score\nCaf\xe9,France,1\n")
    assert (
        rejects_file.read_text().splitlines()[1] == r'2,not UTF-8: byte 0xe9; save the file as UTF-8,"Caf\xe9,France,1"'
    )


def test_file_that_breaks_half_way_changes_nothing(seed: Seed, application: MySqlEndpoint) -> None:
    seed(FIVE)
    with pytest.raises(DataFileError, match="line 3: a quote opens"):
        seed('name,nationality,score\nAlex,Austria,8\n"Peter,US,2\n')
    assert table_rows(application) == ROWS


def test_failure_after_the_deletes_rolls_everything_back(
    seed: Seed, application: MySqlEndpoint, owner: MySqlEndpoint, admin: Connection
) -> None:
    seed(FIVE)
    fail = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'"
    run(owner, f"CREATE TRIGGER guard BEFORE INSERT ON players FOR EACH ROW {fail}")
    position = binlog_position(admin)
    with pytest.raises(TerminalError, match="not today"):
        seed("id,name,nationality,score\n1,Alex,Austria,100\n7,Eve,Italy,1\n")
    assert table_rows(application) == ROWS
    assert binlog_position(admin) == position
    run(owner, "DROP TRIGGER guard")
    assert str(seed(FIVE)) == "unchanged: 5 rows"


def test_unique_values_may_change_places(seed: Seed, application: MySqlEndpoint) -> None:
    run(application, "CREATE TABLE bibs (id INT AUTO_INCREMENT PRIMARY KEY, bib INT UNIQUE) CHARACTER SET utf8mb4")
    seed("id,bib\n1,10\n2,20\n3,30\n", "bibs")
    report = seed("id,bib\n1,20\n2,10\n3,30\n4,\n5,\n", "bibs")
    assert report == SeedReport(inserted=2, updated=2, deleted=0, unchanged=1, rejected=0)
    assert table_rows(application, "bibs") == [(1, 20), (2, 10), (3, 30), (4, None), (5, None)]
    assert str(seed("id,bib\n1,20\n2,10\n3,30\n4,\n5,\n", "bibs")) == "unchanged: 5 rows"


def test_rows_that_break_a_unique_key(seed: Seed, application: MySqlEndpoint, tmp_path: Path) -> None:
    run(application, "CREATE TABLE bibs (id INT AUTO_INCREMENT PRIMARY KEY, bib INT UNIQUE) CHARACTER SET utf8mb4")
    seed("id,bib\n1,10\n", "bibs")
    with pytest.raises(DataFileError) as caught:
        seed("id,bib\n2,20\n3,20\n", "bibs")
    assert str(caught.value) == (
        f"{tmp_path}/data.csv: table 'bibs' does not accept these rows: Duplicate entry '20' for key 'bib'; "
        "nothing was changed. Mend the rows that break this rule of the table"
    )
    assert table_rows(application, "bibs") == [(1, 10)]


def test_key_of_text_follows_its_collation(seed: Seed, application: MySqlEndpoint) -> None:
    run(
        application,
        "CREATE TABLE codes (code VARCHAR(9), part INT, `odd %s ``name` TEXT, twice INT AS (part * 2), "
        "PRIMARY KEY (code, part)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    )
    assert seed("code,part,odd %s `name\naut,1,x\naut,2,x\n", "codes").inserted == 2
    report = seed("code,part,odd %s `name\nAUT,1,x\naut,2,\nAut,2,y\n", "codes", allow_rejects=True)
    assert str(report) == "inserted 0, updated 2, deleted 0, unchanged 0, rejected 1"
    with connect(application) as connection:
        assert fetch_rows(connection, "SELECT * FROM codes ORDER BY part") == [("AUT", 1, "x", 2), ("aut", 2, None, 4)]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("(id INT)", "table 't' has no primary key; add one, since rows are matched by it"),
        (
            "(id INT PRIMARY KEY, day DATE)",
            (
                "column 'day' of table 't' is date; a data file can fill: tinyint, smallint, mediumint, int, bigint, "
                "longtext, mediumtext, text, tinytext, varchar"
            ),
        ),
        (
            "(id INT PRIMARY KEY, name VARCHAR(9) CHARACTER SET latin1)",
            "column 'name' of table 't' is in latin1; only utf8mb4 holds every character",
        ),
    ],
)
def test_table_that_cannot_be_seeded(seed: Seed, application: MySqlEndpoint, table: str, problem: str) -> None:
    run(application, f"CREATE TABLE t {table} CHARACTER SET utf8mb4")
    with pytest.raises(SchemaError) as caught:
        seed("id\n1\n", "t")
    assert str(caught.value) == problem


def test_no_table(seed: Seed) -> None:
    with pytest.raises(SchemaError) as caught:
        seed("id\n1\n", "nothing")
    assert str(caught.value) == (
        "there is no table 'nothing' in this database; create it from the pipeline's schema file first"
    )


def await_lock_wait(owner: MySqlEndpoint) -> None:
    """Return when some transaction of this server waits for a lock."""
    deadline = time.monotonic() + 30
    with connect(owner) as connection:
        while not fetch_rows(connection, "SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"):
            assert time.monotonic() < deadline, "no transaction waits for a lock"
            time.sleep(0.12)  # the server refreshes this table every 0.1 s


def test_seed_waits_for_a_writer_that_came_before(seed: Seed, application: MySqlEndpoint, owner: MySqlEndpoint) -> None:
    seed(FIVE)
    reports: list[SeedReport] = []
    seeding = threading.Thread(target=lambda: reports.append(seed(FIVE)))
    with connect(application) as writer:
        writer.query("INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)")
        seeding.start()
        await_lock_wait(owner)
        writer.commit()
    seeding.join()
    assert [str(report) for report in reports] == ["inserted 0, updated 0, deleted 1, unchanged 5, rejected 0"]
    assert table_rows(application) == ROWS


@pytest.mark.parametrize(
    ("content", "write"),
    [
        (FIVE, "INSERT INTO players VALUES (3000, 'Mary', 'Italy', 9)"),
        (FIVE, "INSERT INTO players VALUES (-1, 'Mary', 'Italy', 9)"),
        (FIVE, "UPDATE players SET score = 1 WHERE id = 3"),
        (FIVE, "DELETE FROM players WHERE id = 3"),
        ("name,nationality,score\n", "INSERT INTO players VALUES (1, 'Mary', 'Italy', 9)"),
    ],
)
def test_writers_wait_for_the_seed_and_readers_do_not(
    seed: Seed, application: MySqlEndpoint, content: str, write: str
) -> None:
    before = seed(content)
    with connect(application) as seeding:
        _lock(seeding, "players")
        assert len(table_rows(application)) == before.inserted
        with pytest.raises(WaitTimeoutError, match="another transaction was in the way"):
            run(application, f"SET STATEMENT innodb_lock_wait_timeout = 0 FOR {write}")
    run(application, write)


def test_two_seeds_of_an_empty_table_at_once(seed: Seed, application: MySqlEndpoint, tmp_path: Path) -> None:
    file = tmp_path / "same.csv"
    file.write_text(FIVE)
    reports: list[SeedReport] = []

    def again(number: int) -> None:
        reports.append(seed_table(application, "players", file, tmp_path / f"rejects{number}.csv"))

    threads = [threading.Thread(target=again, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, reports)) == [
        "inserted 5, updated 0, deleted 0, unchanged 0, rejected 0", *["unchanged: 5 rows"] * 3,
    ]  # fmt: skip
    assert table_rows(application) == ROWS
