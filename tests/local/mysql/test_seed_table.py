"""Seeding: the table equals the file, and only the rows that differ were changed."""

from __future__ import annotations

import csv
import random
import re
import subprocess
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import progress
from infra.endpoints import MySqlEndpoint
from infra.errors import DataFileError, SchemaError, TerminalError, WaitTimeoutError
from infra.mysql.connection import Connection, binlog_position, connect, fetch_rows
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import SeedReport, _lock, preview_seed, seed_table
from infra.plan import Action
from infra.setup.mysql_server import mysqld_path
from tests.local.mysql.conftest import Database

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
def seed(owner: MySqlEndpoint, tmp_path: Path, rejects_file: Path) -> Seed:
    """A function that seeds `players`, or another table, with text or bytes."""
    ensure_schema(owner, SCHEMA_FILE, "players", "games")

    def seed(content: str | bytes, table: str = "players", allow_rejects: bool = False) -> SeedReport:
        file = tmp_path / "data.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return seed_table(owner, table, file, rejects_file, allow_rejects)

    return seed


def table_rows(endpoint: MySqlEndpoint, table: str = "players") -> list[tuple[object, ...]]:
    with connect(endpoint) as connection:
        return fetch_rows(connection, f"SELECT * FROM {table} ORDER BY id")


def run(endpoint: MySqlEndpoint, *statements: str) -> None:
    with connect(endpoint) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def binlog_since(admin: Connection, administrator: MySqlEndpoint, position: tuple[str, int]) -> str:
    """Return the binlog from a position on, with decoded rows."""
    file, offset = position
    program = str(mysqld_path().with_name("mysqlbinlog")) if is_mysql(admin) else "mariadb-binlog"
    command = [program, "--no-defaults", "--read-from-remote-server", f"--socket={administrator.unix_socket}"]
    options = [
        f"--user={administrator.user}",
        "--verbose",
        "--base64-output=decode-rows",
        f"--start-position={offset}",
        file,
    ]
    return subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout


def is_mysql(admin: Connection) -> bool:
    return "MariaDB" not in str(fetch_rows(admin, "SELECT @@version")[0][0])


def position_of(admin: Connection) -> tuple[str, int]:
    file, _, offset = binlog_position(admin).rpartition(":")
    return file, int(offset)


def test_first_seed_numbers_the_rows(seed: Seed, owner: MySqlEndpoint) -> None:
    report = seed(FIVE)
    assert report == SeedReport(inserted=5, updated=0, deleted=0, unchanged=0, rejected=0)
    assert (str(report), report.changed) == ("inserted 5, updated 0, deleted 0, unchanged 0, rejected 0", True)
    assert report.seconds > 0
    assert table_rows(owner) == ROWS


def test_second_seed_does_not_change_the_binlog(seed: Seed, admin: Connection) -> None:
    seed(FIVE)
    position = position_of(admin)
    report = seed(FIVE)
    assert (str(report), report.changed) == ("unchanged: 5 rows", False)
    assert position_of(admin) == position


def test_only_rows_that_differ_are_logged(
    seed: Seed, admin: Connection, owner: MySqlEndpoint, administrator: MySqlEndpoint
) -> None:
    seed(FIVE)
    position = position_of(admin)
    report = seed(
        "id,name,nationality,score\n1,alex,Austria,7\n3,Josef,US,8\n4,Max ,Austria,4\n5,Peter,US,2\n9,Mary,Italy,9\n"
    )
    assert str(report) == "inserted 1, updated 2, deleted 1, unchanged 2, rejected 0"
    log = binlog_since(admin, administrator, position)
    assert Counter(re.findall(r"^### (INSERT|UPDATE|DELETE) ", log, re.MULTILINE)) == {
        "INSERT": 1,
        "UPDATE": 2,
        "DELETE": 1,
    }
    assert len(re.findall(r"^COMMIT", log, re.MULTILINE)) == 1
    assert "TEMPORARY" not in log
    assert table_rows(owner) == [
        (1, "alex", "Austria", 7),
        (3, "Josef", "US", 8),
        (4, "Max ", "Austria", 4),
        (5, "Peter", "US", 2),
        (9, "Mary", "Italy", 9),
    ]


def test_other_changes_are_undone(seed: Seed, owner: MySqlEndpoint) -> None:
    seed(FIVE)
    run(
        owner,
        "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)",
        "UPDATE players SET score = 10 WHERE id = 1",
        "DELETE FROM players WHERE id = 2",
    )
    assert str(seed(FIVE)) == "inserted 1, updated 1, deleted 1, unchanged 3, rejected 0"
    assert table_rows(owner) == ROWS


def test_file_with_only_a_header_empties_the_table(seed: Seed, owner: MySqlEndpoint) -> None:
    seed(FIVE)
    assert seed("name,nationality,score\n").deleted == 5
    assert table_rows(owner) == []


def test_ids_of_zero_and_below_are_kept(seed: Seed, owner: MySqlEndpoint) -> None:
    seed("id,name,nationality,score\n0,A,US,1\n-5,B,US,1\n")
    assert [row[0] for row in table_rows(owner)] == [-5, 0]


def test_next_insert_gets_the_next_id(seed: Seed, owner: MySqlEndpoint) -> None:
    seed(FIVE)
    run(owner, "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)")
    assert table_rows(owner)[-1] == (6, "Mary", "Italy", 9)


def many_rows(count: int) -> list[tuple[int, str, str, int]]:
    """Return reproducible rows with names of every kind, many differing only in case, accents or trailing spaces."""
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


def test_two_hundred_thousand_rows_are_loaded_exactly(
    seed: Seed, owner: MySqlEndpoint, tmp_path: Path, rejects_file: Path
) -> None:
    rows = many_rows(200_000)
    file = tmp_path / "many.csv"
    write(file, rows)
    report = seed_table(owner, "players", file, rejects_file)
    print(f"{report} in {report.seconds:.2f} s: {len(rows) / report.seconds:,.0f} rows/s")
    assert report == SeedReport(200_000, 0, 0, 0, 0)
    assert table_rows(owner) == sorted(rows)
    changed = [(number, name.swapcase(), nationality, score) for number, name, nationality, score in rows[:1000]]
    differing = sum(before != after for before, after in zip(rows, changed, strict=False))
    write(file, [*changed, *rows[1500:]])
    report = seed_table(owner, "players", file, rejects_file)
    print(f"{report} in {report.seconds:.2f} s")
    assert report == SeedReport(0, differing, 500, 199_500 - differing, 0)
    assert table_rows(owner) == sorted([*changed, *rows[1500:]])


def test_memory_does_not_depend_on_the_number_of_rows(seed: Seed, owner: MySqlEndpoint, tmp_path: Path) -> None:
    peaks = []
    for count in (20_000, 80_000):
        write(tmp_path / "many.csv", many_rows(count))
        tracemalloc.start()
        seed_table(owner, "players", tmp_path / "many.csv", tmp_path / "rejects.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_progress_of_a_long_seed_is_reported(
    seed: Seed, owner: MySqlEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    lines: list[str] = []
    write(tmp_path / "many.csv", many_rows(20_000))
    seed_table(owner, "players", tmp_path / "many.csv", tmp_path / "rejects.csv", report=lines.append)
    shape = r"reading many\.csv: [0-9,]+ rows \([0-9]+ %\), [0-9,]+ rows/s, [0-9]+ s left"
    assert [line for line in lines if not re.fullmatch(shape, line)] == []
    assert len(lines) > 1
    assert lines[-1].startswith("reading many.csv: 20,000 rows (100 %), ")


def test_short_seed_reports_no_progress(seed: Seed, owner: MySqlEndpoint, tmp_path: Path) -> None:
    lines: list[str] = []
    write(tmp_path / "few.csv", many_rows(10))
    seed_table(owner, "players", tmp_path / "few.csv", tmp_path / "rejects.csv", report=lines.append)
    assert lines == []


INVALID = """id,name,nationality,score
1,Alex,Austria,7
2,Peter,US,x
1,Josef,US,8
4,,Austria,4
4,Max,Austria,4
1,Eve,US,1
"""


def test_rejected_rows_stop_the_seed(seed: Seed, owner: MySqlEndpoint, tmp_path: Path, rejects_file: Path) -> None:
    seed(FIVE)
    with pytest.raises(DataFileError) as caught:
        seed(INVALID)
    assert str(caught.value) == (
        f"{tmp_path}/data.csv: 4 rows were rejected, so nothing was loaded:\n"
        "  line 3: score 'x' is not an integer\n"
        "  line 4: duplicate id: first used in line 2\n"
        "  line 5: name is empty\n"
        f"All of them are in {rejects_file}. Fix the data file, or load only the valid rows with allow_rejects."
    )
    with rejects_file.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "raw"],
            ["3", "score 'x' is not an integer", "2,Peter,US,x"],
            ["5", "name is empty", "4,,Austria,4"],
            ["4", "duplicate id: first used in line 2", "1,Josef,US,8"],
            ["7", "duplicate id: first used in line 2", "1,Eve,US,1"],
        ]
    assert table_rows(owner) == ROWS


def test_only_valid_rows_are_loaded_if_rejects_are_allowed(
    seed: Seed, owner: MySqlEndpoint, rejects_file: Path
) -> None:
    report = seed(INVALID, allow_rejects=True)
    assert str(report) == "inserted 2, updated 0, deleted 0, unchanged 0, rejected 4"
    assert table_rows(owner) == [(1, "Alex", "Austria", 7), (4, "Max", "Austria", 4)]
    assert rejects_file.exists()
    report = seed(INVALID, allow_rejects=True)
    assert (str(report), report.changed) == ("inserted 0, updated 0, deleted 0, unchanged 2, rejected 4", False)
    seed(FIVE)
    assert not rejects_file.exists()


def test_one_rejected_row_with_bytes_that_are_not_text(seed: Seed, rejects_file: Path) -> None:
    with pytest.raises(
        DataFileError, match="1 row was rejected, so nothing was loaded:\n  line 2: not UTF-8: byte 0xe9"
    ):
        seed(b"name,nationality,score\nCaf\xe9,France,1\n")
    assert (
        rejects_file.read_text().splitlines()[1] == r'2,not UTF-8: byte 0xe9; save the file as UTF-8,"Caf\xe9,France,1"'
    )


def test_file_with_an_unclosed_quote_changes_nothing(seed: Seed, owner: MySqlEndpoint) -> None:
    seed(FIVE)
    with pytest.raises(DataFileError, match="line 3: the row that starts here"):
        seed('name,nationality,score\nAlex,Austria,8\n"Peter,US,2\n')
    assert table_rows(owner) == ROWS


def test_failure_after_the_deletes_rolls_everything_back(
    seed: Seed, owner: MySqlEndpoint, administrator: MySqlEndpoint, admin: Connection
) -> None:
    seed(FIVE)
    fail = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'"
    run(administrator, f"CREATE TRIGGER guard BEFORE INSERT ON players FOR EACH ROW {fail}")
    position = position_of(admin)
    with pytest.raises(TerminalError, match="not today"):
        seed("id,name,nationality,score\n1,Alex,Austria,100\n7,Eve,Italy,1\n")
    assert table_rows(owner) == ROWS
    assert position_of(admin) == position
    run(administrator, "DROP TRIGGER guard")
    assert str(seed(FIVE)) == "unchanged: 5 rows"


def test_unique_values_can_be_swapped(seed: Seed, owner: MySqlEndpoint) -> None:
    run(owner, "CREATE TABLE bibs (id INT AUTO_INCREMENT PRIMARY KEY, bib INT UNIQUE) CHARACTER SET utf8mb4")
    seed("id,bib\n1,10\n2,20\n3,30\n", "bibs")
    report = seed("id,bib\n1,20\n2,10\n3,30\n4,\n5,\n", "bibs")
    assert report == SeedReport(inserted=2, updated=2, deleted=0, unchanged=1, rejected=0)
    assert table_rows(owner, "bibs") == [(1, 20), (2, 10), (3, 30), (4, None), (5, None)]
    assert str(seed("id,bib\n1,20\n2,10\n3,30\n4,\n5,\n", "bibs")) == "unchanged: 5 rows"


def test_rows_that_violate_a_unique_key(database: Database, seed: Seed, owner: MySqlEndpoint, tmp_path: Path) -> None:
    run(owner, "CREATE TABLE bibs (id INT AUTO_INCREMENT PRIMARY KEY, bib INT UNIQUE) CHARACTER SET utf8mb4")
    seed("id,bib\n1,10\n", "bibs")
    with pytest.raises(DataFileError) as caught:
        seed("id,bib\n2,20\n3,20\n", "bibs")
    assert str(caught.value) == database.words(
        f"{tmp_path}/data.csv: table 'bibs' rejected the rows: Duplicate entry '20' for key 'bib'. "
        "Nothing was changed. Fix the rows that violate this constraint."
    )
    assert table_rows(owner, "bibs") == [(1, 10)]


def test_key_of_text_follows_its_collation(seed: Seed, owner: MySqlEndpoint) -> None:
    run(
        owner,
        "CREATE TABLE codes (code VARCHAR(9), part INT, `odd %s ``name` TEXT, twice INT AS (part * 2), "
        "PRIMARY KEY (code, part)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    )
    assert seed("code,part,odd %s `name\naut,1,x\naut,2,x\n", "codes").inserted == 2
    report = seed("code,part,odd %s `name\nAUT,1,x\naut,2,\nAut,2,y\n", "codes", allow_rejects=True)
    assert str(report) == "inserted 0, updated 2, deleted 0, unchanged 0, rejected 1"
    with connect(owner) as connection:
        assert fetch_rows(connection, "SELECT * FROM codes ORDER BY part") == [("AUT", 1, "x", 2), ("aut", 2, None, 4)]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("(id INT)", "table 't' does not have a primary key, by which rows are matched. Add one with ALTER TABLE."),
        (
            "(id INT PRIMARY KEY, day DATE)",
            (
                "column 'day' of table 't' has the type date. Expected one of: tinyint, smallint, mediumint, int, "
                "bigint, longtext, mediumtext, text, tinytext, varchar. Change the type of the column."
            ),
        ),
        (
            "(id INT PRIMARY KEY, name VARCHAR(9) CHARACTER SET latin1)",
            (
                "column 'name' of table 't' has the character set latin1. Expected utf8mb4, which has every character. "
                "Convert the column."
            ),
        ),
    ],
)
def test_table_that_cannot_be_seeded(seed: Seed, owner: MySqlEndpoint, table: str, problem: str) -> None:
    run(owner, f"CREATE TABLE t {table} CHARACTER SET utf8mb4")
    with pytest.raises(SchemaError) as caught:
        seed("id\n1\n", "t")
    assert str(caught.value) == problem


def test_missing_table(seed: Seed) -> None:
    with pytest.raises(SchemaError) as caught:
        seed("id\n1\n", "nothing")
    assert str(caught.value) == (
        "table 'nothing' does not exist in this database. Create it from the pipeline's schema file first."
    )


def await_lock_wait(administrator: MySqlEndpoint) -> None:
    """Wait until a transaction of this server waits for a lock."""
    deadline = time.monotonic() + 30
    with connect(administrator) as connection:
        while not fetch_rows(connection, "SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"):
            assert time.monotonic() < deadline, "no transaction waits for a lock"
            time.sleep(0.12)  # the server refreshes this table every 0.1 s


def test_seed_waits_for_an_earlier_writer(seed: Seed, owner: MySqlEndpoint, administrator: MySqlEndpoint) -> None:
    seed(FIVE)
    reports: list[SeedReport] = []
    seeding = threading.Thread(target=lambda: reports.append(seed(FIVE)))
    with connect(owner) as writer:
        writer.query("INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)")
        seeding.start()
        await_lock_wait(administrator)
        writer.commit()
    seeding.join()
    assert [str(report) for report in reports] == ["inserted 0, updated 0, deleted 1, unchanged 5, rejected 0"]
    assert table_rows(owner) == ROWS


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
    seed: Seed, owner: MySqlEndpoint, content: str, write: str
) -> None:
    before = seed(content)
    with connect(owner) as seeding:
        _lock(seeding, "players")
        assert len(table_rows(owner)) == before.inserted
        with pytest.raises(WaitTimeoutError, match="another transaction holds a lock"):
            run(owner, "SET SESSION innodb_lock_wait_timeout = 1", write)
    run(owner, write)


def test_two_seeds_of_an_empty_table_at_once(seed: Seed, owner: MySqlEndpoint, tmp_path: Path) -> None:
    file = tmp_path / "same.csv"
    file.write_text(FIVE)
    reports: list[SeedReport] = []

    def seed_again(number: int) -> None:
        reports.append(seed_table(owner, "players", file, tmp_path / f"rejects{number}.csv"))

    threads = [threading.Thread(target=seed_again, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, reports)) == [
        "inserted 5, updated 0, deleted 0, unchanged 0, rejected 0", *["unchanged: 5 rows"] * 3,
    ]  # fmt: skip
    assert table_rows(owner) == ROWS


def test_preview_counts_what_a_seed_then_changes_and_changes_nothing(
    owner: MySqlEndpoint, admin: Connection, seed: Seed, tmp_path: Path, rejects_file: Path
) -> None:
    seed(FIVE)
    other = tmp_path / "other.csv"
    other.write_text("id,name,nationality,score\n1,Alex,Austria,10\n2,Peter,US,2\n9,Mary,Italy,9\n")
    position = binlog_position(admin)

    preview = preview_seed(owner, "players", other)

    assert (preview.action, preview.summary) == (
        Action.CHANGE, "insert 1, update 1 and delete 3 of the 5 rows",
    )  # fmt: skip
    assert (table_rows(owner), binlog_position(admin), rejects_file.exists()) == (ROWS, position, False)
    seeded = seed_table(owner, "players", other, rejects_file)
    assert (seeded.inserted, seeded.updated, seeded.deleted) == (1, 1, 3)
    assert preview_seed(owner, "players", other).summary == "3 rows"
    assert preview_seed(owner, "players", other).action is Action.UNCHANGED


def test_preview_refuses_what_a_seed_refuses(owner: MySqlEndpoint, seed: Seed, tmp_path: Path) -> None:
    seed(FIVE)
    short, invalid = tmp_path / "short.csv", tmp_path / "invalid.csv"
    short.write_text("name,nationality,score\nAlex,Austria,7\n")
    invalid.write_text(FIVE + "Mary,Italy,nine\n")

    with pytest.raises(DataFileError) as of_preview:
        preview_seed(owner, "players", short, max_deleted_percent=20)
    with pytest.raises(DataFileError) as of_seed:
        seed_table(owner, "players", short, tmp_path / "rejects.csv", max_deleted_percent=20)
    with pytest.raises(DataFileError, match=r"1 row was rejected, so nothing was loaded:\n  line 7: ") as rejected:
        preview_seed(owner, "players", invalid)

    assert str(of_preview.value) == str(of_seed.value)
    assert str(rejected.value).endswith("\nFix the data file, or load only the valid rows with allow_rejects.")
    assert preview_seed(owner, "players", invalid, allow_rejects=True).details == ("rejected rows of invalid.csv: 1",)
