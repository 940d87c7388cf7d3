"""The size of the job state depends on the rows that exist, not on changes or on ids that existed."""

from __future__ import annotations

from pathlib import Path

import httpx

from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment

ROUNDS = 300
_INSERT = """
INSERT INTO players (name, nationality, score)
SELECT CONCAT('Athlete ', id % 4), CONCAT('Nation ', {0} % 3), {0} FROM old
"""


def test_state_does_not_grow_with_changes_and_deleted_ids(seeded: Deployment, tmp_path: Path) -> None:
    _replace_everything(seeded, rounds=3)
    before = _state_bytes(seeded, tmp_path / "before")
    _replace_everything(seeded, rounds=ROUNDS)
    after = _state_bytes(seeded, tmp_path / "after")
    # A single integer in the state for each deleted id, of five in each round, would already exceed the bound.
    assert after - before < ROUNDS * 5 * 4, f"{before} bytes, then {after}"


def _replace_everything(deployment: Deployment, rounds: int) -> None:
    """Update every row, delete it, and insert it again with a new id and other values in each round."""
    deployment.execute(
        *(
            statement
            for number in range(rounds)
            for statement in (
                f"UPDATE players SET score = {number}, name = CONCAT('Other ', id % 3)",
                "CREATE TEMPORARY TABLE old SELECT id FROM players",
                "DELETE FROM players",
                _INSERT.format(number),
                "DROP TEMPORARY TABLE old",
            )
        )
    )
    deployment.await_agreement()


def _state_bytes(deployment: Deployment, folder: Path) -> int:
    """Return the size in bytes of a savepoint of the analytics job.

    A checkpoint of RocksDB also has entries that were replaced or deleted, and are not compacted yet.
    """
    job = deployment.target.status("olympics.analytics").job_id
    url = f"{deployment.stack.flink}/jobs/{job}/savepoints"
    body = {"target-directory": folder.as_uri(), "formatType": "CANONICAL"}
    with httpx.Client(trust_env=False) as client:
        trigger = client.post(url, json=body).raise_for_status().json()["request-id"]

        def completed() -> bool:
            answer = client.get(f"{url}/{trigger}").raise_for_status().json()
            assert "failure-cause" not in (answer.get("operation") or {}), answer
            return bool(answer["status"]["id"] == "COMPLETED")

        wait_until(completed, "the savepoint", 60)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
