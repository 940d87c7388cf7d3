"""A pipeline on a live table of another application: it reads, and not one row or privilege changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from rich.console import Console

from infra.checks.outputs import check_outputs
from infra.cli.deployment import prepare, run_dag
from infra.endpoints import MySqlEndpoint
from infra.errors import DagFailedError
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.grants import show_grants
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT, Settings, load_settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.background import repeating
from tests.support.checkout import copy_checkout

SEED = "    seed: {schema: schema.sql, data: data/players.csv}\n"
ROWS = 500
Row = tuple[int, str, str, int]


class Application:
    """Another application that created the table, and keeps writing it; it knows every row that it wrote."""

    def __init__(self, endpoint: MySqlEndpoint) -> None:
        self._endpoint = endpoint
        self.rows: dict[int, Row] = {}
        self.writes = 0

    def create(self, schema: str) -> None:
        with connect(self._endpoint) as connection:
            with connection.cursor() as cursor:
                cursor.execute(schema)
                for number in range(1, ROWS + 1):
                    self._write(cursor, number, number % 10)
            connection.commit()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Insert, update and delete in transactions of its own, until the end of the block."""
        with connect(self._endpoint) as connection, repeating(lambda: self._change(connection), 0.01):
            yield

    def _change(self, connection: Connection) -> None:
        self.writes += 1
        number = self.writes % (2 * ROWS) + 1
        with connection.cursor() as cursor:
            if self.writes % 7 == 0 and number in self.rows:
                cursor.execute("DELETE FROM players WHERE id = %s", [number])
                del self.rows[number]
            else:
                self._write(cursor, number, self.writes % 100)
        connection.commit()

    def _write(self, cursor: object, number: int, score: int) -> None:
        row = (number, f"Athlete {number}", f"Nation {number % 7}", score)
        cursor.execute("REPLACE INTO players VALUES (%s, %s, %s, %s)", row)  # type: ignore[attr-defined]
        self.rows[number] = row


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A checkout with the pipeline `arena`, which is `olympics` without a seed."""
    root = copy_checkout(tmp_path_factory.mktemp("checkout"))
    arena = root / "flink_jobs" / "arena"
    shutil.copytree(ROOT / "flink_jobs" / "olympics", arena, ignore=shutil.ignore_patterns("data", "schema.sql"))
    definition = (arena / "pipeline.yaml").read_text(encoding="utf-8")
    assert SEED in definition
    definition = definition.replace(SEED, "").replace("olympics", "arena").replace("5400-5409", "5450-5459")
    (arena / "pipeline.yaml").write_text(definition, encoding="utf-8")
    return load_settings(stack.environ, root)


@pytest.fixture(scope="module")
def arena(settings: Settings) -> Iterator[Pipeline]:
    """The pipeline, with a database and the users that an administrator creates; not even an owner can log in."""
    pipeline = load_pipeline(settings.root / "flink_jobs" / "arena")
    prepare(settings, pipeline)
    with connect(local_stack.mysql_admin(settings)) as admin, admin.cursor() as cursor:
        cursor.execute("DROP USER 'arena_owner'@'%'")
        cursor.execute("CREATE USER 'shop'@'%' IDENTIFIED BY 'shop-secret'")
        cursor.execute("GRANT ALL PRIVILEGES ON arena.* TO 'shop'@'%'")
    yield pipeline
    for job in pipeline.jobs:
        local_target(settings).delete(f"arena.{job}")


@pytest.fixture(scope="module")
def application(settings: Settings, arena: Pipeline) -> Application:
    reader = local_stack.mysql_endpoint(settings, "reader", "arena")
    found = Application(MySqlEndpoint(reader.host, reader.port, "shop", "shop-secret", "arena"))
    found.create((ROOT / "flink_jobs" / "olympics" / "schema.sql").read_text(encoding="utf-8"))
    return found


def privileges(settings: Settings) -> dict[str, object]:
    with connect(local_stack.mysql_admin(settings)) as admin:
        users = fetch_rows(admin, "SELECT User FROM mysql.user WHERE Host = '%'")
        return {user: show_grants(admin, user) for (user,) in users}


def contents(settings: Settings) -> tuple[list[tuple[object, ...]], str, list[tuple[object, ...]]]:
    """Return the tables of the database, the definition of the table, and its rows."""
    with connect(local_stack.mysql_endpoint(settings, "reader", "arena")) as connection:
        return (
            fetch_rows(connection, "SHOW TABLES"),
            # The counter moves with each row of the application.
            fetch_rows(connection, "SHOW CREATE TABLE players")[0][1].split(" AUTO_INCREMENT=")[0],
            fetch_rows(connection, "SELECT id, name, nationality, score FROM players ORDER BY id"),
        )


def deployed(settings: Settings) -> str:
    lines = StringIO()
    run_dag(settings, "arena_deploy", {"target": "local"}, Console(file=lines, width=200))
    return lines.getvalue()


def test_live_table_is_read_and_neither_a_row_nor_a_privilege_changes(
    settings: Settings, arena: Pipeline, application: Application
) -> None:
    before, (tables, definition, _) = privileges(settings), contents(settings)

    with application.writing():
        lines = deployed(settings)
        wait_until(lambda: application.writes > 2 * ROWS, "the application to write rows", 60)

    written = sorted(application.rows.values())
    assert contents(settings) == (tables, definition, written)
    assert tables == [("players",)]
    assert privileges(settings) == before
    assert "seed_mysql" not in lines
    assert "preflight_capacity: table players, about " in lines
    # Now that nobody writes the table, the comparison is exact.
    reader, kafka = local_stack.mysql_endpoint(settings, "reader", "arena"), local_stack.kafka_endpoint(settings)
    assert check_outputs(arena, reader, kafka, list, str, 120).rows["arena.players"] == len(written)


@pytest.mark.usefixtures("arena", "application")
def test_pipeline_that_only_reads_has_no_daily_reload(settings: Settings) -> None:
    with pytest.raises(DagFailedError, match="arena_daily_reload"):
        run_dag(settings, "arena_daily_reload", {"target": "local"}, Console(quiet=True))
