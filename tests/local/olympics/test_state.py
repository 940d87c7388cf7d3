"""The size of the job state depends on the number of rows, not on the number of changes."""

from __future__ import annotations

from infra.flink.rest import FlinkRest
from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment

ROUNDS = 300


def test_state_does_not_grow_with_the_number_of_changes(seeded: Deployment) -> None:
    _change_everything(seeded, rounds=3)
    before = _state_bytes(seeded)
    _change_everything(seeded, rounds=ROUNDS)
    after = _state_bytes(seeded)
    # A single integer in the state for each change would already exceed the bound.
    assert after - before < ROUNDS * 5 * 3 * 4, f"{before} bytes, then {after}"


def _change_everything(deployment: Deployment, rounds: int) -> None:
    """Update every row, delete it, and insert it again, with other values in each round."""
    with_ids = "INSERT INTO players SELECT id, CONCAT('Athlete ', id % 4), CONCAT('Nation ', {0} % 3), {0} FROM old"
    deployment.execute(
        *(
            statement
            for number in range(rounds)
            for statement in (
                f"UPDATE players SET score = {number}, name = CONCAT('Other ', id % 3)",
                "CREATE TEMPORARY TABLE old SELECT id FROM players",
                "DELETE FROM players",
                with_ids.format(number),
                "DROP TEMPORARY TABLE old",
            )
        )
    )
    deployment.await_agreement()


def _state_bytes(deployment: Deployment) -> int:
    """Return the size in bytes of the next checkpoint of the analytics job."""
    rest = FlinkRest(str(deployment.stack.flink))
    status = deployment.target.status("olympics.analytics")
    assert status.job_id is not None
    job_id = status.job_id

    def later() -> int | None:
        newest = rest.checkpoints(job_id)["latest"]["completed"]
        return int(newest["state_size"]) if newest["trigger_timestamp"] > status.last_checkpoint_at else None

    return wait_until(later, "the next checkpoint", 60)
