"""Airflow with its own home and without a database; DAG files are parsed, but nothing runs.

The home is set before the first import of Airflow, which reads the configuration.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from infra.settings import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

assert "airflow.configuration" not in sys.modules, "Airflow was imported before its home was set"
HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
AIRFLOW = {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}
os.environ.update(AIRFLOW)


@pytest.fixture(scope="session")
def bag() -> DagBag:
    """The DAGs of the repository, as Airflow's DAG processor parses them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")


@pytest.fixture(scope="session")
def deploy(bag: DagBag) -> DAG:
    return bag.dags["olympics_deploy"]


@pytest.fixture(scope="session")
def reload(bag: DagBag) -> DAG:
    return bag.dags["olympics_daily_reload"]
