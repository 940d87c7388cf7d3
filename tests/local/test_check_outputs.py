"""`check_outputs` on a real database and a real broker; the test writes the topics instead of Flink."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from infra.checks.outputs import CheckReport, check_outputs
from infra.endpoints import MySqlEndpoint
from infra.errors import CheckFailedError, DefinitionError, InconclusiveError, UnreachableError
from infra.kafka.client import admin_client, producer
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import connect
from infra.pipeline import Pipeline, load_pipeline
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.background import repeating

DEFINITION = """\
name: {name}
description: Players and their totals
topics:
  {name}.players: {{partitions: 2, cleanup_policy: compact}}
  {name}.totals: {{partitions: 1, cleanup_policy: compact}}
source:
  mysql: {{database: {name}, table: players, seed: {{schema: schema.sql, data: players.csv}}}}
jobs:
  cdc: {{script: cdc.py, uses: [kafka, mysql]}}
checks:
  {name}.players: {{key: [id], expect: players.sql}}
  {name}.totals: {{key: [nationality], expect: totals.sql}}
"""
FILES = {
    "schema.sql": "CREATE TABLE players (id INT PRIMARY KEY, nationality VARCHAR(20) NOT NULL, score INT NOT NULL)",
    "players.csv": "",
    "cdc.py": "",
    "players.sql": "SELECT id, nationality, score FROM players",
    "totals.sql": "SELECT nationality, SUM(score) AS total, AVG(score * 1e0) AS average "
    "FROM players GROUP BY nationality",
}
ROWS = "INSERT INTO players VALUES (1, 'Austria', 7), (2, 'US', 2), (3, 'US', 8)"
PLAYERS = {1: ("Austria", 7), 2: ("US", 2), 3: ("US", 8)}
TOTALS = {"Austria": (7, 7.0), "US": (10, 5.0)}
SITUATION = "the situation"


@dataclass
class Checked:
    """A pipeline whose table and topics the test writes."""

    stack: Stack
    pipeline: Pipeline

    @property
    def database(self) -> MySqlEndpoint:
        return replace(self.stack.mysql_admin, database=self.pipeline.name)

    def execute(self, *statements: str) -> None:
        with connect(self.database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def send(self, topic: str, key: object, value: object) -> None:
        """Send one record; a value of bytes is sent unchanged."""
        encoded = value if isinstance(value, bytes | None) else json.dumps(value).encode()
        with producer(self.stack.kafka) as sender:
            sender.send(f"{self.pipeline.name}.{topic}", key=json.dumps(key).encode(), value=encoded)

    def player(self, player_id: int, nationality: str, score: int) -> None:
        value = {"id": player_id, "nationality": nationality, "score": score}
        self.send("players", {"id": player_id}, value)

    def total(self, nationality: str, total: int, average: float) -> None:
        value = {"nationality": nationality, "total": total, "average": average}
        self.send("totals", {"nationality": nationality}, value)

    def check(
        self,
        timeout: float = 60,
        settle: float = 0,
        dead_jobs: Callable[[], list[str]] = list,
        work_dir: Path | None = None,
    ) -> CheckReport:
        return check_outputs(
            self.pipeline, self.database, self.stack.kafka, dead_jobs, lambda: SITUATION, timeout, settle, work_dir
        )


@pytest.fixture
def empty(stack: Stack, tmp_path: Path) -> Iterator[Checked]:
    """A pipeline with its topics and an empty table, under a unique name."""
    name = f"games_{os.urandom(4).hex()}"
    folder = tmp_path / name
    folder.mkdir()
    for file, content in {**FILES, "pipeline.yaml": DEFINITION.format(name=name)}.items():
        (folder / file).write_text(content)
    pipeline = load_pipeline(folder)
    ensure_topics(stack.kafka, pipeline.topics)
    with connect(stack.mysql_admin) as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    checked = Checked(stack, pipeline)
    checked.execute(FILES["schema.sql"])
    yield checked
    with connect(stack.mysql_admin) as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def agreeing(empty: Checked) -> Checked:
    """A pipeline whose topics agree with its table."""
    empty.execute(ROWS)
    for player_id, values in PLAYERS.items():
        empty.player(player_id, *values)
    for nationality, values_of in TOTALS.items():
        empty.total(nationality, *values_of)
    return empty


def text_of(error: BaseException, checked: Checked) -> str:
    """Return the message with a fixed name and time."""
    return re.sub(r"\b(after|for) \d+ s\b", r"\1 N s", str(error).replace(checked.pipeline.name, "games"))


def failure(checked: Checked) -> list[str]:
    """Return the error of a single comparison."""
    with pytest.raises(CheckFailedError) as caught:
        checked.check(timeout=0)
    return text_of(caught.value, checked).splitlines()


def test_topics_that_agree_pass_and_are_counted(agreeing: Checked) -> None:
    report = agreeing.check()

    name = agreeing.pipeline.name
    assert report.rows == {f"{name}.players": 3, f"{name}.totals": 2}
    assert report.records == 5


def test_empty_topics_agree_with_an_empty_table(empty: Checked) -> None:
    assert sum(empty.check().rows.values()) == 0


def test_last_value_of_a_key_counts_and_a_tombstone_deletes_it(agreeing: Checked) -> None:
    agreeing.player(4, "Italy", 9)
    agreeing.player(1, "Austria", 100)
    agreeing.player(1, "Austria", 7)
    agreeing.send("players", {"id": 4}, None)

    assert agreeing.check().records == 9


def test_next_check_reads_the_topics_on(agreeing: Checked, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    assert agreeing.check(work_dir=folder).records == 5
    agreeing.execute("UPDATE players SET score = 8 WHERE id = 1")
    agreeing.player(1, "Austria", 8)
    agreeing.total("Austria", 8, 8.0)

    assert agreeing.check(work_dir=folder).records == 2
    report = agreeing.check(work_dir=folder)
    assert (report.records, sum(report.rows.values())) == (0, 5)


def test_recreated_topic_is_read_from_the_beginning(agreeing: Checked, tmp_path: Path) -> None:
    folder, topic = tmp_path / "checks", f"{agreeing.pipeline.name}.totals"
    agreeing.check(work_dir=folder)
    with admin_client(agreeing.stack.kafka) as admin:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic to be deleted", 30)
    ensure_topics(agreeing.stack.kafka, agreeing.pipeline.topics)
    for nationality, values_of in TOTALS.items():
        agreeing.total(nationality, *values_of)

    assert agreeing.check(work_dir=folder).records == 2


def test_values_are_compared_exactly_whatever_their_type_and_collation(empty: Checked) -> None:
    rows = [
        (1, "a", "1.50", 2**64 - 1),
        (2, "A", "12345678901234567.00", 0),
        (3, "a ", None, 2**53 + 1),
        (4, "a\0", "-0.01", None),
        (5, "á", "0.00", 1),
    ]
    empty.execute(
        "ALTER TABLE players ADD price DECIMAL(20, 2), ADD big BIGINT UNSIGNED, "
        "MODIFY nationality VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL"
    )
    for number, name, price, big in rows:
        text = name.replace("\0", "\\0")
        empty.execute(
            f"INSERT INTO players VALUES ({number}, '{text}', 7, {price or 'NULL'}, {'NULL' if big is None else big})"
        )
        value = {"id": number, "nationality": name, "score": 7, "price": price and float(price), "big": big}
        if number == 2:
            value["price"] = 12345678901234567
        empty.send("players", {"id": number}, value)
        empty.total(name, 7, 7.0)
    empty.pipeline.path("players.sql").write_text("SELECT id, nationality, score, price, big FROM players")

    assert sum(empty.check(timeout=0).rows.values()) == 10


def test_rows_that_differ_are_shown(agreeing: Checked) -> None:
    agreeing.player(1, "Austria", 8)
    agreeing.send("players", {"id": 2}, None)
    agreeing.total("Italy", 9, 9.0)

    assert failure(agreeing) == [
        "after N s, 3 rows differ although their source has not changed:",
        ('  games.players [1]: expected {"id": 1, "nationality": "Austria", "score": 7}, '
        'found {"id": 1, "nationality": "Austria", "score": 8}'),
        '  games.players [2]: expected {"id": 2, "nationality": "US", "score": 2}, found no row',
        ("  games.totals ['Italy']: expected no row, found "
        '{"nationality": "Italy", "total": 9, "average": 9.0}'),
        SITUATION,
    ]  # fmt: skip


def test_only_the_first_rows_are_shown(empty: Checked) -> None:
    values = ", ".join(f"({number}, 'US', 1)" for number in range(1, 31))
    empty.execute(f"INSERT INTO players VALUES {values}")

    head, *rows, last = failure(empty)

    assert head == "after N s, 31 rows differ although their source has not changed:"
    assert [row.split(":")[0] for row in rows] == [f"  games.players [{number}]" for number in range(1, 6)]
    assert last == SITUATION


def test_dead_job_fails_at_once(agreeing: Checked) -> None:
    agreeing.player(1, "Austria", 8)

    with pytest.raises(CheckFailedError) as caught:
        agreeing.check(timeout=3600, settle=3600, dead_jobs=lambda: ["games.cdc is FAILED"])

    assert str(caught.value).splitlines()[0] == (
        "1 row differs, and these jobs cannot catch up: games.cdc is FAILED. Deploy the pipeline."
    )


def test_dead_job_does_not_matter_if_all_rows_agree(agreeing: Checked) -> None:
    assert agreeing.check(dead_jobs=lambda: ["games.cdc is FAILED"]).records == 5


def test_late_rows_are_awaited(agreeing: Checked) -> None:
    agreeing.execute("UPDATE players SET score = 10 WHERE id = 1")

    def catch_up() -> list[str]:
        """Write the job's outputs between two reads of the topics."""
        agreeing.player(1, "Austria", 10)
        agreeing.total("Austria", 10, 10.0)
        return []

    report = agreeing.check(dead_jobs=catch_up)

    assert report.records == 7
    assert report.seconds > 0


class Changing:
    """A change of a table row before every verdict, which no job follows."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.score = 100

    def __call__(self) -> list[str]:
        self.score += 1
        self.checked.execute(f"UPDATE players SET score = {self.score} WHERE id = 1")
        return []


@contextmanager
def load(checked: Checked, error: float) -> Iterator[None]:
    """An application and its jobs: change players ten times a second, and follow with the topics.

    The average of the US is always wrong by `error`.
    """
    name, numbers = checked.pipeline.name, Random(7)
    scores = {player: score for player, (_, score) in PLAYERS.items()}

    def send(topic: str, key: object, value: object) -> None:
        sender.send(f"{name}.{topic}", key=json.dumps(key).encode(), value=json.dumps(value).encode())

    def change() -> None:
        player = numbers.choice(list(PLAYERS))
        scores[player] += 1
        cursor.execute("UPDATE players SET score = %s WHERE id = %s", [scores[player], player])
        connection.commit()
        nationality = PLAYERS[player][0]
        send("players", {"id": player}, {"id": player, "nationality": nationality, "score": scores[player]})
        of_nation = [scores[each] for each in PLAYERS if PLAYERS[each][0] == nationality]
        average = sum(of_nation) / len(of_nation) + (error if nationality == "US" else 0)
        total = {"nationality": nationality, "total": sum(of_nation), "average": average}
        send("totals", {"nationality": nationality}, total)
        sender.flush()

    with (
        producer(checked.stack.kafka) as sender,
        connect(checked.database) as connection,
        connection.cursor() as cursor,
        repeating(change, 0.1),
    ):
        yield


def test_right_plan_passes_while_rows_keep_changing(agreeing: Checked) -> None:
    with load(agreeing, error=0):
        assert sum(agreeing.check(timeout=60, settle=5).rows.values()) == 5


def test_average_that_is_always_wrong_is_found_while_rows_keep_changing(agreeing: Checked) -> None:
    with load(agreeing, error=0.5), pytest.raises(CheckFailedError) as caught:
        agreeing.check(timeout=20, settle=5)

    head, *rows, _ = text_of(caught.value, agreeing).splitlines()
    assert head == (
        "after N s, 1 row differs from at least 3 snapshots of a changing source, without getting to the expected "
        "values:"
    )
    assert [row.split(":")[0] for row in rows] == ["  games.totals ['US']"]


def test_row_that_has_just_begun_to_differ_is_inconclusive(agreeing: Checked) -> None:
    agreeing.player(1, "Austria", 8)

    with pytest.raises(InconclusiveError) as caught:
        agreeing.check(timeout=1, settle=3)

    assert text_of(caught.value, agreeing) == (
        "inconclusive: the source kept changing for N s, and 1 row differs, but may only be late. "
        f"Run the task again when there are fewer changes. {SITUATION}"
    )


def test_settled_row_fails_though_others_keep_changing(agreeing: Checked) -> None:
    agreeing.player(3, "US", 9)

    with pytest.raises(CheckFailedError) as caught:
        agreeing.check(timeout=8, settle=4, dead_jobs=Changing(agreeing))

    lines = text_of(caught.value, agreeing).splitlines()
    assert lines[0] == "after N s, 1 row differs although their source has not changed:"
    assert [line.split(":")[0] for line in lines[1:-1]] == ["  games.players [3]"]


def test_missing_topic_is_not_an_empty_one(empty: Checked) -> None:
    check = empty.pipeline.checks[f"{empty.pipeline.name}.totals"]
    checks = {f"{empty.pipeline.name}.lost": check}
    empty.pipeline = empty.pipeline.model_copy(update={"checks": checks})

    assert failure(empty) == ["topic games.lost does not exist. Deploy the pipeline, which creates it."]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            b"{",
            (
                "the value of key b'{\"id\": 1}' is not JSON: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1). Write a JSON object or a tombstone under this key."
            ),
        ),
        (
            b"[1]",
            (
                "the value of key b'{\"id\": 1}' is not a JSON object: b'[1]'. "
                "Write a JSON object or a tombstone under this key."
            ),
        ),
        (
            b'{"score": 1}',
            (
                'the value {"score": 1} does not have id. Expected every key column of the check. '
                "Fix the job, or the key of the check."
            ),
        ),
    ],
)
def test_value_that_is_not_a_row_is_named(empty: Checked, value: bytes, message: str) -> None:
    empty.send("players", {"id": 1}, value)

    assert failure(empty) == [f"topic games.players: {message}"]


def test_row_under_two_keys_is_an_error(agreeing: Checked) -> None:
    agreeing.send("players", "another", {"id": 1, "nationality": "Austria", "score": 7})

    assert failure(agreeing) == [
        "topic games.players: several records have the same id. Fix the job, or the key of the check."
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "SELECT score FROM players",
            (
                "players.sql: does not return the column id, which checks.games.players.key names. "
                "Fix the query or the key."
            ),
        ),
        (
            "SELECT 1 AS id FROM players",
            "players.sql: returns several rows with the same key (id). Fix the query or the key.",
        ),
    ],
)
def test_check_that_contradicts_its_key_is_an_invalid_definition(agreeing: Checked, query: str, message: str) -> None:
    agreeing.pipeline.path("players.sql").write_text(query)

    with pytest.raises(DefinitionError) as caught:
        agreeing.check()

    assert text_of(caught.value, agreeing) == message


def test_unreachable_database_is_transient(empty: Checked) -> None:
    nowhere = MySqlEndpoint("127.0.0.1", 1, "reader", "secret", "games")

    with pytest.raises(UnreachableError, match=r"^cannot reach mysql://reader@127\.0\.0\.1:1/games: "):
        check_outputs(empty.pipeline, nowhere, empty.stack.kafka, list, str)
