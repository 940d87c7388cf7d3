"""A plan as text, as a document, and as an exit status; a secret is in none of them."""

from __future__ import annotations

import json

import pytest

from infra.errors import TopicDriftError, UnreachableError
from infra.plan import Action, Plan, PlannedChange, compared, shown_value

NEW = PlannedChange("topic", "games.players", Action.CREATE, "partitions 2")
SAME = PlannedChange("job", "games.cdc", Action.UNCHANGED)
OTHER = PlannedChange("scripts", "games.cdc", Action.CHANGE, "revision a to b", ("-SELECT 1", "", "+SELECT 2"))


def drift() -> PlannedChange:
    raise TopicDriftError("topic games.players: has 2 partitions.\ntopic games.players: has replication 1.")


REFUSED = compared("topic", "games.players", drift)


def plan(*changes: PlannedChange) -> Plan:
    return Plan("games", "memory", changes)


def test_each_object_is_a_line_with_a_sign_and_the_counts_come_last() -> None:
    assert plan(NEW, OTHER, SAME, REFUSED).lines() == [
        "+ topic games.players: partitions 2",
        "~ scripts games.cdc: revision a to b",
        "    -SELECT 1",
        "",
        "    +SELECT 2",
        "= job games.cdc",
        "! topic games.players: has 2 partitions.",
        "    topic games.players: has replication 1.",
        "Plan of games on memory: 1 to create, 1 to change, 1 unchanged, 1 refused.",
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [((), 0), ((SAME, SAME), 0), ((SAME, NEW), 2), ((SAME, OTHER), 2), ((NEW, REFUSED), 1), ((SAME, REFUSED), 1)],
)
def test_exit_status_is_0_without_changes_2_with_some_and_1_if_refused(
    changes: tuple[PlannedChange, ...], status: int
) -> None:
    assert plan(*changes).exit_status == status


def test_document_is_json_with_every_object() -> None:
    document = plan(NEW, SAME).document()

    assert json.loads(json.dumps(document)) == document
    assert document == {
        "pipeline": "games",
        "target": "memory",
        "exit_status": 2,
        "counts": {"create": 1, "change": 0, "unchanged": 1, "refuse": 0},
        "changes": [
            {
                "kind": "topic",
                "name": "games.players",
                "action": "create",
                "summary": "partitions 2",
                "details": [],
            },
            {"kind": "job", "name": "games.cdc", "action": "unchanged", "summary": "", "details": []},
        ],
    }


def test_rows_and_records_are_those_of_an_object() -> None:
    lines = [PlannedChange(kind, "players", Action.CHANGE).lines() for kind in ("rows", "records", "table")]

    assert lines == [["~ rows of players"], ["~ records of players"], ["~ table players"]]


def test_only_a_terminal_error_is_a_refusal() -> None:
    def unreachable() -> PlannedChange:
        raise UnreachableError("no answer")

    with pytest.raises(UnreachableError):
        compared("topic", "games.players", unreachable)


def test_secrets_are_hidden_wherever_they_are() -> None:
    change = PlannedChange("job", "games.cdc", Action.CHANGE, "password swordfish", ("+ 'x' = 'swordfish2'",))

    hidden = plan(change).without(["swordfish", "swordfish2", ""])

    assert hidden.lines()[:2] == ["~ job games.cdc: password ***", "    + 'x' = '***'"]


@pytest.mark.parametrize("option", ["s3.secret-key", "fs.azure.account.key.x", "ssl.Password", "sasl.jaas.config"])
def test_value_of_a_credential_is_hidden(option: str) -> None:
    assert shown_value(option, "swordfish") == "***"


def test_value_of_another_option_is_shown() -> None:
    assert shown_value("table.exec.mini-batch.size", "50000") == "50000"
