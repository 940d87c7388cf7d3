"""The locks of Python packages: excluded packages, and agreement between the Flink image and the local stack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.settings import ROOT

LOCKS = ["requirements.txt", "docker/airflow/requirements.txt", "docker/flink/requirements.txt"]
# Packages that PyFlink requires only for Python functions; pyarrow before 14.0.1 has CVE-2023-47248.
UNUSED = {"apache-beam", "avro-python3", "fastavro", "hdfs", "httplib2", "numpy", "pandas", "pemja", "pyarrow"}


def pins(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if re.match(r"^[a-z0-9-]+==", line))


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_no_package_that_only_python_functions_require(lock: str) -> None:
    assert UNUSED & pins(ROOT / lock).keys() == set()


def test_flink_image_has_the_pins_of_the_local_stack() -> None:
    image, local = pins(ROOT / "docker/flink/requirements.txt"), pins(ROOT / "requirements.txt")

    assert image.items() <= local.items()
    assert {"apache-flink", "apache-flink-libraries", "py4j", "ruamel-yaml"} <= image.keys()


def test_flink_and_its_libraries_have_one_version() -> None:
    local = pins(ROOT / "requirements.txt")

    assert local["apache-flink-libraries"] == local["apache-flink"]
