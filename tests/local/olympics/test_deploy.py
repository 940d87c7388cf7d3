"""The first day of a user: deploy, show results, deploy again, change rows, reload."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from infra.errors import DagFailedError
from infra.kafka.writer import Record, send_records
from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment
from tests.support.olympics_model import SEED, expected_outputs, in_order


def test_results_of_the_seed_rows(seeded: Deployment) -> None:
    expected = {f"olympics.{topic}": in_order(values.values()) for topic, values in expected_outputs(SEED).items()}
    found = seeded.results()
    assert {topic: in_order(values) for topic, values in found.items()} == expected
    assert [value["id"] for value in found["olympics.players"]] == [1, 2, 3, 4, 5], "sorted by key"


def test_results_as_tables(seeded: Deployment) -> None:
    output = seeded.command("results").stdout
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "Austria 2 5.5 Alex (7)" in lines
    assert "US 2 5.0 Josef (8)" in lines
    assert "Austria 5.5 Alex (7)" in lines
    ranks = [line for line in lines if line[:1].isdigit()]
    assert ranks == ["1 Josef (8) US", "2 Alex (7) Austria", "3 Max (4) Austria"]


def test_a_second_run_changes_nothing(seeded: Deployment) -> None:
    before = {name: status.job_id for name, status in seeded.statuses().items()}
    output = seeded.run()
    assert {name: status.job_id for name, status in seeded.statuses().items()} == before
    steps = [line.split(" s  ", 1)[1] for line in output.splitlines() if " s  " in line]
    for step in ("provision_topics", "seed_mysql", "create_configmaps", "submit_players_cdc", "submit_analytics"):
        lines = [line for line in steps if line.startswith(step)]
        assert lines
        assert [line for line in lines if "unchanged" not in line] == []


def test_the_three_changes_show_within_seconds(seeded: Deployment) -> None:
    seeded.execute(
        "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)",
        "UPDATE players SET score = 10 WHERE name = 'Alex'",
        "DELETE FROM players WHERE id = 2",
    )
    seeded.await_agreement()
    found = seeded.results()
    top = [(value["name"], value["score"]) for value in found["olympics.top_athletes"]]
    assert top == [("Alex", 10), ("Mary", 9), ("Josef", 8)]
    counted = {value["name"]: value["id"] for value in found["olympics.athletes"]}
    assert counted["Peter"] == 5, "the second Peter is promoted"
    assert found["olympics.duplicates"] == []
    assert found["olympics.best_nationality"][0]["nationality"] == "Italy"
    seeded.assert_agrees_with_model()


def test_invalid_records_are_quarantined_and_change_nothing(seeded: Deployment) -> None:
    invalid = [(b'{"id":1}', b"no json"), (b"\xff", b'{"id":1}'), (b'{"id":1}', b'{"id":1,"name":"Alex"}')]
    before = {name: status.job_id for name, status in seeded.statuses().items()}
    known = len(_quarantined(seeded))
    send_records(seeded.stack.kafka, (Record("olympics.players", key, value, partition=0) for key, value in invalid))
    wait_until(lambda: len(_quarantined(seeded)) >= known + len(invalid), "the invalid records in the quarantine", 30)
    reasons = [record["reason"] for record in _quarantined(seeded)[known:]]
    assert reasons == ["the value is not JSON", "the key is not UTF-8", "nationality is missing from the value"]
    assert {name: status.job_id for name, status in seeded.statuses().items()} == before
    assert [value["name"] for value in seeded.results()["olympics.top_athletes"]] == ["Josef", "Alex", "Max"]


def test_daily_reload_seeds_the_file_of_the_day_and_restarts_nothing(seeded: Deployment, tmp_path: Path) -> None:
    day = tmp_path / "2026-03-01.csv"
    with day.open("w", newline="", encoding="utf-8") as file:
        changed = [[row.name, row.nationality, row.score + 1] for row in SEED[:3]]
        csv.writer(file).writerows([["name", "nationality", "score"], *changed])
    before = {name: (status.job_id, status.submitted_at) for name, status in seeded.statuses().items()}
    conf: dict[str, object] = {"data_file": str(tmp_path / "{{ ds }}.csv")}
    with pytest.raises(DagFailedError, match=r"2 of the 5 rows of table 'players' are missing, and would be deleted"):
        seeded.dag("olympics_daily_reload", conf, "2026-03-01")
    assert len(seeded.rows()) == len(SEED)
    seeded.dag("olympics_daily_reload", {**conf, "allow_deletions": True}, "2026-03-01")
    assert [row.score for row in sorted(seeded.rows())] == [8, 3, 9]
    assert {name: (status.job_id, status.submitted_at) for name, status in seeded.statuses().items()} == before
    seeded.assert_agrees_with_model()


def _quarantined(deployment: Deployment) -> list[dict[str, object]]:
    return [json.loads(value) for value in deployment.records("olympics.quarantine")]
