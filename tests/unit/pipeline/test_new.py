"""A new definition is valid at once, and nothing is left of one that is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.errors import DefinitionError
from infra.pipeline import load_pipeline
from infra.pipeline.new import create_pipeline, free_server_ids
from infra.settings import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The pipelines of the repository."""
    shutil.copytree(ROOT / "flink_jobs", tmp_path / "flink_jobs")
    return tmp_path / "flink_jobs"


def test_new_pipeline_is_valid_and_has_server_ids_of_its_own(root: Path) -> None:
    path = create_pipeline(root, "shop", "store", ["customers", "order_*"], {"log": "table log has no key."})

    pipeline = load_pipeline(root / "shop")
    assert path == root / "shop" / "pipeline.yaml"
    source = pipeline.mysql_source
    assert (pipeline.name, source.database, source.tables) == ("shop", "store", ("customers", "order_*"))
    assert "    # Not log: table log has no key.\n" in path.read_text()
    olympics = load_pipeline(root / "olympics").mysql_source.server_ids
    assert source.server_ids == free_server_ids([olympics])


def test_existing_folder_is_left_as_it_is(root: Path) -> None:
    before = (root / "olympics" / "pipeline.yaml").read_bytes()

    with pytest.raises(DefinitionError, match=r"olympics exists\. Edit its pipeline\.yaml"):
        create_pipeline(root, "olympics", "olympics", ["players"], {})

    assert (root / "olympics" / "pipeline.yaml").read_bytes() == before


@pytest.mark.parametrize(("name", "database"), [("Shop", "shop"), ("../shop", "shop"), ("shop", "My Database")])
def test_nothing_is_left_of_an_invalid_pipeline(root: Path, name: str, database: str) -> None:
    before = sorted(root.rglob("*"))

    with pytest.raises(DefinitionError):
        create_pipeline(root, name, database, ["*"], {})

    assert sorted(root.rglob("*")) == before


def test_server_ids_follow_the_last() -> None:
    assert free_server_ids(["5400-5409", "6000-6004"]) == "6005-6014"
    assert free_server_ids([]) == "5400-5409"
