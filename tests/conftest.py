"""The folder of a test is its tier and its marker; tiers run from the fastest to the slowest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.skips import pytest_addoption, pytest_runtest_makereport

__all__ = ["pytest_addoption", "pytest_runtest_makereport"]

TIERS = ("unit", "dags", "jobs", "local", "kubernetes", "compose")
HERE = Path(__file__).parent


def _tier(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(_tier(item))
    items.sort(key=lambda item: TIERS.index(_tier(item)))
