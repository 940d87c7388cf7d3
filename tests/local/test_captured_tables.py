"""A pipeline that captures the tables of another application, through the real DAG: no SQL, and nothing is written."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from infra.checks.outputs import check_outputs
from infra.cli.deployment import prepare, run_dag
from infra.endpoints import MySqlEndpoint
from infra.errors import DagFailedError
from infra.jobs.render import render_job
from infra.kafka.bulk import bulk_reader
from infra.kafka.client import admin_client
from infra.kafka.reader import read_tables
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import connect, fetch_rows
from infra.mysql.preflight_tables import check_tables_ready
from infra.pipeline import Pipeline, Source, TableTopics, load_pipeline
from infra.settings import Settings, load_settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.background import repeating
from tests.support.checkout import copy_checkout
from tests.support.heartbeat import await_health
from tests.support.shop import DEFINITION

SCHEMA = (
    "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, credit DECIMAL(12,2), since DATETIME(3))",
    "CREATE TABLE order_items (line INT, orders BIGINT UNSIGNED, amount FLOAT, PRIMARY KEY (orders, line))",
    "CREATE TABLE order_notes (old INT, code VARCHAR(20) NOT NULL, note TEXT, UNIQUE KEY a (old), UNIQUE KEY b (code))",
    "CREATE TABLE vouchers (id INT PRIMARY KEY, secret TEXT)",
)
ROWS = 300


class Application:
    """Another application, which owns the tables and writes them."""

    def __init__(self, endpoint: MySqlEndpoint) -> None:
        self._endpoint = endpoint
        self._random = random.Random(7)
        self.writes = 0

    def run(self, *statements: str) -> None:
        with connect(self._endpoint) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def writing(self) -> AbstractContextManager[None]:
        """Insert, update and delete in transactions of its own, until the end of the block."""
        return repeating(self.write, 0.1)

    def write(self) -> None:
        """Write a random row of each table."""
        number, line = self._random.randrange(1, ROWS), self._random.randrange(1, 4)
        self.writes += 1
        self.run(
            f"REPLACE INTO customers VALUES ({number}, 'Customer {number}', {number}.10, '2026-02-08 10:30:00.5')",
            f"REPLACE INTO order_items VALUES ({line}, {2**63 + number}, {number} / 7)",
            f"REPLACE INTO order_notes VALUES (NULL, 'N{number}', REPEAT('x', {number}))",
            f"REPLACE INTO vouchers VALUES ({number}, 'hidden')",
            f"DELETE FROM customers WHERE id = {self._random.randrange(1, ROWS)}",
            f"UPDATE IGNORE order_items SET line = line + 10 WHERE orders = {2**63 + number} AND line < 10",
        )


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A checkout with the pipeline `shop`."""
    return load_settings(stack.environ, copy_checkout(tmp_path_factory.mktemp("checkout"), shop=DEFINITION))


@pytest.fixture(scope="module")
def shop(settings: Settings) -> Iterator[Pipeline]:
    """The pipeline, with a database and the users that an administrator creates; not even an owner can log in."""
    pipeline = load_pipeline(settings.root / "flink_jobs" / "shop")
    prepare(settings, pipeline)
    with connect(local_stack.mysql_admin(settings)) as admin, admin.cursor() as cursor:
        cursor.execute("DROP USER 'shop_owner'@'%'")
        cursor.execute("CREATE USER 'till'@'%' IDENTIFIED BY 'till-secret'")
        cursor.execute("GRANT ALL PRIVILEGES ON shop.* TO 'till'@'%'")
    yield pipeline
    local_target(settings).delete("shop.capture")


@pytest.fixture(scope="module")
def application(settings: Settings, shop: Pipeline) -> Application:
    reader = local_stack.mysql_endpoint(settings, "reader", shop.mysql_source.database)
    found = Application(MySqlEndpoint(reader.host, reader.port, "till", "till-secret", "shop"))
    found.run(*SCHEMA)
    for _ in range(ROWS):
        found.write()
    return found


def deployed(settings: Settings, **conf: str) -> str:
    lines = StringIO()
    run_dag(settings, "shop_deploy", {"target": "local", **conf}, Console(file=lines, width=300))
    return lines.getvalue()


def reloaded(settings: Settings, **conf: str) -> str:
    lines = StringIO()
    run_dag(settings, "shop_reload", {"target": "local", "where": None, **conf}, Console(file=lines, width=300))
    return lines.getvalue()


def agreed(settings: Settings, shop: Pipeline) -> dict[str, int]:
    """Return the rows of each topic, once all equal their tables."""
    cdc = local_stack.mysql_endpoint(settings, "cdc", "shop")
    reader = local_stack.mysql_endpoint(settings, "reader", "shop")
    pipeline = shop.with_tables(check_tables_ready(cdc, shop.mysql_source).tables)
    return check_outputs(pipeline, reader, local_stack.kafka_endpoint(settings), list, str, 120).rows


def counts(settings: Settings, *tables: str) -> dict[str, int]:
    with connect(local_stack.mysql_endpoint(settings, "reader", "shop")) as connection:
        return {
            f"shop.{table}": fetch_rows(connection, f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables
        }  # fmt: skip


def ends(settings: Settings, *tables: str) -> dict[str, dict[int, int]]:
    with bulk_reader(local_stack.kafka_endpoint(settings)) as reader:
        return {name: dict(state.ends) for name, state in reader.states(f"shop.{each}" for each in tables).items()}


def topics(settings: Settings) -> set[str]:
    with admin_client(local_stack.kafka_endpoint(settings)) as client:
        return {name for name in client.list_topics() if name.startswith("shop.")}


def test_tables_are_captured_while_their_application_writes(
    settings: Settings, shop: Pipeline, application: Application
) -> None:
    before = application.writes

    with application.writing():
        lines = deployed(settings)
        wait_until(lambda: application.writes > before + 100, "the application to write", 60)

    assert agreed(settings, shop) == counts(settings, "customers", "order_items", "order_notes")
    assert topics(settings) == {"shop.customers", "shop.order_items", "shop.order_notes", "shop.reloads"}
    assert "preflight_cdc: table order_items is captured by orders, line" in lines
    assert "preflight_cdc: table order_notes is captured by code" in lines
    with connect(local_stack.mysql_endpoint(settings, "reader", "shop")) as connection:
        found = {row[0] for row in fetch_rows(connection, "SHOW TABLES")}
    assert found == {"customers", "order_items", "order_notes", "vouchers"}


@pytest.mark.usefixtures("application")
def test_second_deployment_changes_nothing(settings: Settings) -> None:
    lines = deployed(settings)

    assert "submit_capture: unchanged: shop.capture" in lines
    assert "provision_topics: shop.customers: unchanged" in lines


def test_new_table_is_captured_by_the_next_deployment_and_no_other_is_read_again(
    settings: Settings, shop: Pipeline, application: Application
) -> None:
    captured = ("customers", "order_items", "order_notes")
    before = ends(settings, *captured)
    application.run(
        "CREATE TABLE order_refunds (id INT PRIMARY KEY, reason VARCHAR(20))",
        "INSERT INTO order_refunds VALUES (1, 'late'), (2, 'broken')",
    )

    lines = deployed(settings)

    assert "provision_topics: shop.order_refunds: created" in lines
    assert re.search(r"submit_capture: changed: shop\.capture.*savepoint", lines)
    assert ends(settings, *captured) == before
    application.run("UPDATE order_refunds SET reason = 'lost' WHERE id = 2", "DELETE FROM customers WHERE id < 10")
    assert agreed(settings, shop) == counts(settings, *captured, "order_refunds")


def test_table_is_read_again_by_the_dag(settings: Settings, shop: Pipeline, application: Application) -> None:
    before, jobs = ends(settings, "customers"), local_target(settings).status("shop.capture").job_id

    lines = reloaded(settings, table="order_items")

    rows = counts(settings, "order_items")["shop.order_items"]
    assert f"reload_table: table order_items: {rows} rows read again, 0 rows deleted" in lines
    assert f": {rows} rows (shop.order_items {rows})" in lines
    assert ends(settings, "customers") == before
    assert local_target(settings).status("shop.capture").job_id == jobs


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        (
            {"table": "vouchers"},
            "table 'vouchers' is not captured by pipeline shop. Expected one of customers, order_i",
        ),
        (
            {"table": "customers", "where": "id = 1) UNION SELECT * FROM (vouchers"},
            "where 'id = 1) UNION SELECT * FROM (vouchers': contains 'UNION', which is not allowed",
        ),
        ({"table": "customers", "where": "born > 5"}, "Unknown column 'born' in '"),
    ],
)
@pytest.mark.usefixtures("application")
def test_wrong_reload_is_refused_before_anything_is_read(
    settings: Settings, conf: dict[str, str], problem: str
) -> None:
    before = ends(settings, "customers")

    with pytest.raises(DagFailedError) as error:
        reloaded(settings, **conf)

    assert problem in str(error.value)
    assert ends(settings, "customers") == before


def test_table_that_cannot_be_captured_fails_before_anything_is_created(
    settings: Settings, application: Application
) -> None:
    application.run("CREATE TABLE order_log (line TEXT)", "CREATE TABLE order_tags (id INT PRIMARY KEY)")

    lines = StringIO()
    with pytest.raises(DagFailedError):
        run_dag(settings, "shop_deploy", {"target": "local"}, Console(file=lines, width=300))

    assert "table order_log has neither a primary key nor a unique key of NOT NULL columns" in lines.getvalue()
    assert not {"shop.order_log", "shop.order_tags"} & topics(settings)
    application.run("DROP TABLE order_log", "DROP TABLE order_tags")


def test_dropped_table_does_not_disturb_the_others(
    settings: Settings, shop: Pipeline, application: Application
) -> None:
    application.run("DROP TABLE order_refunds")

    lines = deployed(settings)

    assert "submit_capture: changed: shop.capture" in lines
    application.run("UPDATE customers SET name = 'Somebody' WHERE id < 20")
    assert agreed(settings, shop) == counts(settings, "customers", "order_items", "order_notes")


def test_from_scratch_the_tables_are_read_again(settings: Settings, shop: Pipeline, application: Application) -> None:
    application.run("TRUNCATE TABLE order_notes")  # the binlog has no rows of it

    lines = deployed(settings, start_from="scratch")

    assert "submit_capture: shop.order_notes: emptied" in lines
    assert agreed(settings, shop)["shop.order_notes"] == 0


def test_failed_check_names_the_transaction_that_a_session_compressed(
    settings: Settings, shop: Pipeline, application: Application
) -> None:
    """The connector skips it without an error, whatever the setting of the server is; MariaDB does not have it."""
    is_mysql = settings.mysql.server == "mysql"
    with connect(local_stack.mysql_admin(settings)) as session:
        if is_mysql:
            session.query("SET SESSION binlog_transaction_compression = ON")
        session.query("INSERT INTO shop.customers VALUES (7777, REPEAT('a', 40), NULL, NULL)")
        session.commit()
    if is_mysql:
        lines = StringIO()
        with pytest.raises(DagFailedError):
            run_dag(settings, "shop_deploy", {"target": "local"}, Console(file=lines, width=500))
        assert "shop.customers [7777]: expected" in lines.getvalue()
        assert "The binlog has a compressed transaction at binlog." in lines.getvalue()
        assert 'deploy with the param {"start_from": "scratch"}' in lines.getvalue()
        deployed(settings, start_from="scratch")

    assert agreed(settings, shop)["shop.customers"] == counts(settings, "customers")["shop.customers"]
    assert 7777 in {row["id"] for row in read_tables(local_stack.kafka_endpoint(settings), ["shop.customers"])[
        "shop.customers"
    ]}  # fmt: skip


def test_snapshot_in_many_parts_while_rows_change(settings: Settings, shop: Pipeline, application: Application) -> None:
    """Each part is read at another moment, and changes before and after it must not get lost or come back."""
    source = shop.mysql_source.model_copy(
        update={"topics": TableTopics(prefix="parts.", partitions=2), "server_ids": "5660-5669"}
    )
    cdc = local_stack.mysql_endpoint(settings, "cdc", "shop")
    parts = shop.model_copy(update={"name": "parts", "source": Source(mysql=source)})
    parts = parts.with_tables(check_tables_ready(cdc, source).tables)
    kafka, target = local_stack.kafka_endpoint(settings), local_target(settings)
    ensure_topics(kafka, parts.topics)
    job = render_job(parts, "capture", kafka, cdc, target.secrets)
    job = replace(job, arguments={**job.arguments, "split_rows": "20"})
    target.ensure_scripts(job)
    try:
        with application.writing():
            target.submit(job)
            await_health(target, job)
        reader = local_stack.mysql_endpoint(settings, "reader", "shop")
        rows = check_outputs(parts, reader, kafka, list, str, 120).rows
    finally:
        target.delete(job.name)

    assert sum(rows.values()) == sum(counts(settings, "customers", "order_items", "order_notes").values())
