"""What the target `kubernetes` keeps of a revision, and what a plan compares with it; nothing is applied."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from infra.errors import DefinitionError
from infra.jobs.job import StoredJob
from infra.jobs.preview import preview_job
from infra.plan import Action
from infra.settings import load_settings
from infra.targets.kubernetes import KubernetesTarget
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import read_config_map, render_config_map, render_flink_deployment
from tests.support.jobs import JOB

SETTINGS = load_settings({}).kubernetes


class StoredObjects:
    """The objects of a namespace, in place of the API of a cluster. It has no method that changes one."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self._objects = {(found["kind"], found["metadata"]["name"]): found for found in objects}

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        return self._objects.get((kind, name))


def target_with(*objects: dict[str, Any]) -> KubernetesTarget:
    return KubernetesTarget(cast(KubernetesApi, StoredObjects(*objects)), SETTINGS)


def suspended() -> dict[str, Any]:
    """Return the resource of the job after a stop with a savepoint."""
    deployment = render_flink_deployment(JOB, SETTINGS, None)
    deployment["spec"]["job"]["state"] = "suspended"
    reconciled = json.dumps({"spec": deployment["spec"]})
    deployment["status"] = {
        "jobStatus": {"jobId": "run-1", "upgradeSavepointPath": "file:/flink-data/savepoint-1"},
        "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": reconciled},
    }
    return deployment


def test_config_map_is_read_as_it_was_written() -> None:
    job = replace(JOB, files={**JOB.files, "blob.bin": b"\xff\x00"})

    assert read_config_map(render_config_map(job, SETTINGS)) == StoredJob(job.files, job.facts())


def test_config_map_of_an_earlier_release_has_no_facts() -> None:
    config_map = render_config_map(JOB, SETTINGS)
    del config_map["metadata"]["annotations"]["olympic-streaming/job"]

    assert read_config_map(config_map) == StoredJob(JOB.files, None)


def test_config_map_has_no_credential() -> None:
    job = replace(JOB, configuration={"s3.secret-key": "goldfish"})

    text = json.dumps(render_config_map(job, SETTINGS))

    assert "swordfish" not in text
    assert "goldfish" not in text


def test_new_job_is_created() -> None:
    assert [change.action for change in preview_job(target_with(), JOB)] == [Action.CREATE, Action.CREATE]


def test_stored_revision_is_unchanged() -> None:
    scripts, _ = preview_job(target_with(render_config_map(JOB, SETTINGS)), JOB)

    assert (scripts.action, scripts.summary) == (Action.UNCHANGED, f"revision {JOB.revision}, 2 files")


def test_edited_job_is_compared_with_the_revision_of_the_resource() -> None:
    target = target_with(render_config_map(JOB, SETTINGS), suspended())
    edited = replace(JOB, parallelism=3, image="flink:2", files={**JOB.files, "10_players.sql": b"SELECT 2"})

    scripts, run = preview_job(target, edited)

    assert [line for line in scripts.details if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-SELECT 1", "+SELECT 2",
    ]  # fmt: skip
    assert run.summary == f"is STOPPED, start again at revision {edited.revision} from file:/flink-data/savepoint-1"
    assert run.details[:2] == ("image: not set to flink:2", "parallelism: 1 to 3")


def test_scripts_that_are_too_large_are_refused_as_in_a_deployment() -> None:
    large, target = replace(JOB, files={"big.sql": b"x" * 1_048_577}), target_with()

    scripts, _ = preview_job(target, large)
    with pytest.raises(DefinitionError) as caught:
        target.ensure_scripts(large)

    assert (scripts.action, scripts.summary) == (Action.REFUSE, str(caught.value))
