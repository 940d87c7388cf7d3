"""The example of docs/your-own-database.md: all tables of the shop, captured and checked with the file of the page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console

from infra.cli.deployment import prepare, run_dag
from infra.example.shop import DATABASE, ROWS_PER_MILLION, load_shop
from infra.mysql.connection import connect
from infra.pipeline import load_pipeline
from infra.progress import silent
from infra.settings import ROOT, Settings, inherited_environment, load_settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target
from tests.local.conftest import Stack
from tests.support.checkout import copy_checkout

ROWS = 50_000


@pytest.fixture
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A checkout with the file of the page, and the shop in the database."""
    page = (ROOT / "docs" / "your-own-database.md").read_text(encoding="utf-8")
    [definition] = re.findall(r"```yaml\n(name: shop\n.*?)```", page, re.DOTALL)
    assert 'tables: [customers, "order_*"]' in definition
    definition = definition.replace('[customers, "order_*"]', '["*"]')
    settings = load_settings(stack.environ, copy_checkout(tmp_path_factory.mktemp("checkout"), shop=definition))
    admin = local_stack.mysql_admin(settings)
    with connect(admin) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    load_shop(admin, silent, ROWS)
    yield settings
    local_target(settings).delete("shop.capture")
    with connect(admin) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")


def plan(stack: Stack, settings: Settings) -> tuple[int, list[str]]:
    """Return the exit status and the lines of step 4 of the page."""
    command = [sys.executable, "-m", "infra", "plan", "--pipeline", "shop"]
    environment = {**inherited_environment(), **stack.environ}
    done = subprocess.run(command, cwd=settings.root, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_all_tables_of_the_example_are_planned_captured_and_checked(stack: Stack, settings: Settings) -> None:
    status, planned = plan(stack, settings)
    prepare(settings, load_pipeline(settings.root / "flink_jobs" / "shop"))
    lines = StringIO()

    run_dag(settings, "shop_deploy", {"target": "local", "start_from": "scratch"}, Console(file=lines, width=500))

    output = lines.getvalue()
    assert f": {ROWS} rows (" in output
    for table, share in ROWS_PER_MILLION.items():
        assert f"table {table} is captured by " in output
        assert f"shop.{table} {share * ROWS // 1_000_000}" in output
        assert any(line.startswith(f"+ captured table {table}: by ") for line in planned)
    assert status == 2
    status, planned = plan(stack, settings)
    assert (status, [line for line in planned if line[0] in "+~!"]) == (0, [])
    assert "= captured table customers: by id, to topic shop.customers" in planned


def test_new_pipeline_has_the_tables_that_can_be_captured(stack: Stack, settings: Settings) -> None:
    with connect(local_stack.mysql_admin(settings)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {DATABASE}.clicks (page VARCHAR(20), at TIMESTAMP NULL)")
    command = [sys.executable, "-m", "infra", "new", "--database", DATABASE, "--pipeline"]
    environment = {**inherited_environment(), **stack.environ}

    def new(pipeline: str, *options: str) -> tuple[str, ...]:
        subprocess.run([*command, pipeline, *options], cwd=settings.root, env=environment, check=True)
        return load_pipeline(settings.root / "flink_jobs" / pipeline).mysql_source.tables

    assert set(new("bazaar")) == ROWS_PER_MILLION.keys()
    assert new("market", "--tables", "customers order*") == ("customers", "order*")
    text = (settings.root / "flink_jobs" / "bazaar" / "pipeline.yaml").read_text(encoding="utf-8")
    assert "# Not clicks: table clicks has neither a primary key nor a unique key of NOT NULL columns." in text
