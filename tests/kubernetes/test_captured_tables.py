"""Existing tables on a cluster: each is captured to a topic, one is added, and one is read again by the running job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.checks.outputs import check_outputs
from infra.mysql.preflight_tables import check_tables_ready
from infra.pipeline import load_pipeline
from tests.kubernetes import cluster
from tests.kubernetes.conftest import Cluster
from tests.kubernetes.figures import timed
from tests.kubernetes.jobs import create_target
from tests.support.checkout import copy_checkout
from tests.support.shop import DEFINITION, JOB, ORDERS, create_tables


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the pipeline `shop`."""
    return copy_checkout(tmp_path_factory.mktemp("checkout"), shop=DEFINITION)


@pytest.fixture(scope="module")
def shop(platform: str, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The pipeline, whose tables exist before it; it is not deployed yet."""
    pipeline = load_pipeline(root / "flink_jobs" / "shop")
    found = Cluster(tmp_path_factory.mktemp("shop"), pipeline, cluster.node_address())
    found.execute(*create_tables())
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=found.environment(root), check=True, capture_output=True)
    yield found
    create_target().delete(JOB)


def agreed(shop: Cluster) -> dict[str, int]:
    """Return the number of rows of each topic, once all equal their tables."""
    found = check_tables_ready(shop.endpoint("mysql-cdc"), shop.pipeline.mysql_source)
    pipeline = shop.pipeline.with_tables(found.tables)
    return check_outputs(pipeline, shop.endpoint("mysql-reader"), shop.kafka, list, str, 120).rows


def test_every_table_gets_a_topic_with_its_rows(shop: Cluster, root: Path) -> None:
    with timed("captured tables, first deployment"):
        lines = shop.deploy(root)

    assert "preflight_cdc: table order_items is captured by orders, line" in lines
    shop.execute("UPDATE customers SET credit = 7 WHERE id = 1", "DELETE FROM customers WHERE id = 2")
    assert agreed(shop) == {"shop.customers": 1, "shop.order_items": 2 * ORDERS}


def test_added_table_is_captured_after_an_upgrade_through_a_savepoint(shop: Cluster, root: Path) -> None:
    shop.execute("CREATE TABLE order_notes (id INT PRIMARY KEY, note TEXT)", "INSERT INTO order_notes VALUES (1, 'x')")

    lines = shop.deploy(root)

    [submission] = [line for line in lines if line.startswith("submit_capture")]
    assert f"changed: {JOB} from" in submission
    assert submission.endswith("through a savepoint")
    assert agreed(shop) == {"shop.customers": 1, "shop.order_items": 2 * ORDERS, "shop.order_notes": 1}


def test_table_is_read_again_by_the_running_job(shop: Cluster, root: Path) -> None:
    job_id = create_target().status(JOB).job_id

    lines = shop.run_dag("reload", root, table="order_items", where=None)

    assert any(f"table order_items: {2 * ORDERS} rows read again, 0 rows deleted" in line for line in lines), lines
    assert create_target().status(JOB).job_id == job_id
    assert agreed(shop) == {"shop.customers": 1, "shop.order_items": 2 * ORDERS, "shop.order_notes": 1}
