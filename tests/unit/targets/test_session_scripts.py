"""The job scripts that a session cluster's target keeps for each revision, and the facts next to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.jobs.job import StoredJob
from infra.settings import load_settings
from infra.targets.local import local_target
from infra.targets.session import SessionTarget
from tests.support.jobs import JOB


@pytest.fixture
def target(tmp_path: Path) -> SessionTarget:
    return local_target(load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path)}))


def test_stored_revision_has_its_scripts_and_its_facts(target: SessionTarget, tmp_path: Path) -> None:
    target.ensure_scripts(JOB)

    folder = tmp_path / "jobs" / JOB.name
    assert sorted(path.name for path in folder.iterdir()) == [JOB.revision, f"{JOB.revision}.json"]
    assert sorted(path.name for path in (folder / JOB.revision).iterdir()) == sorted(JOB.files)
    assert target.stored(JOB.name, JOB.revision) == StoredJob(dict(JOB.files), JOB.facts())


def test_revision_of_an_earlier_release_has_only_its_scripts(target: SessionTarget, tmp_path: Path) -> None:
    target.ensure_scripts(JOB)
    (tmp_path / "jobs" / JOB.name / f"{JOB.revision}.json").unlink()

    assert target.stored(JOB.name, JOB.revision) == StoredJob(dict(JOB.files), None)
    assert target.ensure_scripts(JOB) == "unchanged"


def test_nothing_that_is_stored_has_a_credential(target: SessionTarget, tmp_path: Path) -> None:
    target.ensure_scripts(replace(JOB, configuration={"s3.secret-key": "goldfish"}))

    contents = [path.read_bytes() for path in (tmp_path / "jobs").rglob("*") if path.is_file()]
    assert [text for text in contents if b"goldfish" in text or b"swordfish" in text] == []


def test_preview_creates_no_folder(target: SessionTarget, tmp_path: Path) -> None:
    assert target.preview_scripts(JOB) == "created"
    assert list(tmp_path.iterdir()) == []
