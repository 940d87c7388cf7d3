"""The analytics job: the contract of every output on the seed rows, and after single changes."""

from __future__ import annotations

import json
import random

import pytest

from tests.jobs.conftest import KEYS, Record, RunJob
from tests.support.olympics_model import SEED, Row, expected_outputs


def upsert(row: Row) -> Record:
    return Record(json.dumps({"id": row.id}).encode(), json.dumps(row._asdict(), ensure_ascii=False).encode())


def delete(row_id: int) -> Record:
    return Record(json.dumps({"id": row_id}).encode(), None)


def assert_matches(outputs: dict[str, dict[object, dict[str, object]]], rows: list[Row]) -> None:
    expected = expected_outputs(rows)
    for topic in KEYS:
        assert outputs[topic] == expected[topic], topic


def test_seed_rows_give_the_known_results(run_analytics: RunJob) -> None:
    tables, quarantine = run_analytics(map(upsert, SEED))
    assert quarantine == []
    assert {name: value["id"] for name, value in tables["athletes"].items()} == {
        "Alex": 1,
        "Peter": 2,
        "Josef": 3,
        "Max": 4,
    }
    assert tables["duplicates"] == {5: {"id": 5, "name": "Peter", "nationality": "US", "score": 2, "kept_id": 2}}
    stats = tables["nationality_stats"]
    assert {n: (v["average_score"], v["top_athlete"], v["top_score"]) for n, v in stats.items()} == {
        "Austria": (5.5, "Alex", 7),
        "US": (5.0, "Josef", 8),
    }
    assert tables["best_nationality"][1]["nationality"] == "Austria"
    assert [(v["name"], v["score"]) for _, v in sorted(tables["top_athletes"].items())] == [
        ("Josef", 8),
        ("Alex", 7),
        ("Max", 4),
    ]
    assert_matches(tables, SEED)


def test_insert_update_delete_and_promotion(run_analytics: RunJob) -> None:
    mary, alex = Row(6, "Mary", "Italy", 9), Row(1, "Alex", "Austria", 10)
    tables, _ = run_analytics([*map(upsert, SEED), upsert(mary), upsert(alex), delete(2)])
    assert tables["athletes"]["Peter"]["id"] == 5
    assert tables["duplicates"] == {}
    assert [v["name"] for _, v in sorted(tables["top_athletes"].items())] == ["Alex", "Mary", "Josef"]
    assert_matches(tables, [alex, SEED[2], SEED[3], SEED[4], mary])


def test_fewer_than_three_athletes_leave_no_stale_rank(run_analytics: RunJob) -> None:
    tables, _ = run_analytics([*map(upsert, SEED), *(delete(row.id) for row in SEED[:4])])
    assert list(tables["top_athletes"]) == [1]
    assert_matches(tables, SEED[4:])


def test_everything_deleted_leaves_nothing(run_analytics: RunJob) -> None:
    tables, _ = run_analytics([*map(upsert, SEED), *(delete(row.id) for row in SEED)])
    assert tables == {topic: {} for topic in KEYS}


def test_names_are_compared_exactly(run_analytics: RunJob) -> None:
    rows = [
        Row(1, "Zoë", "Ø", 1),
        Row(2, "zoë", "Ø", 1),
        Row(3, "Zoë ", "Ø", 1),
        Row(4, 'Ann "the\\ fast", Lee', "Ø\n2", -3),
        Row(5, "Zoe\u0308", "Ø", 2147483647),
        Row(6, "😀", "\U0001f3c5", -2147483648),
        Row(7, "Zoë", "ø", 5),
    ]
    tables, quarantine = run_analytics(map(upsert, rows))
    assert quarantine == []
    assert_matches(tables, rows)


def test_averages_stay_exact_under_updates(run_analytics: RunJob) -> None:
    scores = [10**9 + 7, 3, 1, 2**31 - 1, -5]
    changes = [Row(i, f"a{i}", "X", s) for s in scores for i in range(1, 8)]
    last = [Row(i, f"a{i}", "X", scores[-1] + i) for i in range(1, 8)]
    tables, _ = run_analytics([*map(upsert, changes), *map(upsert, last)])
    assert_matches(tables, last)


def test_many_changes_at_once(run_analytics: RunJob) -> None:
    """So many that changes are held back in front of the aggregate, and released at once, also at the end."""
    chance = random.Random(5)
    rows: dict[int, Row] = {}
    records = []
    for _ in range(30_000):
        number = chance.randrange(1, 2_000)
        if number in rows and chance.random() < 0.2:
            del rows[number]
            records.append(delete(number))
        else:
            name, nationality = f"Athlete {chance.randrange(1_500)}", f"Nation {chance.randrange(30)}"
            rows[number] = Row(number, name, nationality, chance.randrange(1_000))
            records.append(upsert(rows[number]))
    tables, quarantine = run_analytics(records)
    assert quarantine == []
    assert_matches(tables, list(rows.values()))


def test_ties_go_to_the_lower_id_and_the_first_nationality(run_analytics: RunJob) -> None:
    rows = [
        Row(4, "d", "B", 5),
        Row(3, "c", "B", 5),
        Row(2, "b", "a", 5),
        Row(1, "a", "A\U0001f600", 5),
        Row(5, "e", "A\uffff", 5),
    ]
    tables, _ = run_analytics(map(upsert, rows))
    assert tables["best_nationality"][1]["nationality"] == "A\uffff"
    assert_matches(tables, rows)


MAX_BYTES = 8192
NO_SCORE = "score in the value is not a 32-bit integer"
INVALID = [
    (None, b'{"id":9,"name":"n","nationality":"x","score":1}', "the key is missing"),
    (b'\xff{"id":9}', b'{"id":9,"name":"n","nationality":"x","score":1}', "the key is not UTF-8"),
    (b"id 9", b'{"id":9,"name":"n","nationality":"x","score":1}', "the key is not JSON"),
    (b'{"no":9}', b'{"id":9,"name":"n","nationality":"x","score":1}', "id is missing from the key"),
    (b'{"id":"9"}', b'{"id":9,"name":"n","nationality":"x","score":1}', "id in the key is not a 32-bit integer"),
    (b'{"id":4294967296}', None, "id in the key is not a 32-bit integer"),
    (b'{"id":1}', b'{"id":1,"name":"\xe9","nationality":"x","score":1}', "the value is not UTF-8"),
    (b'{"id":1}', b"not json", "the value is not JSON"),
    (b'{"id":1}', b"", "the value is not JSON"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":1} and more', "the value is not JSON"),
    (b'{"id":1}', b'{"id":1},{"id":2}', "the value is not JSON"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":1},"end"],[', "the value is not JSON"),
    (b'{"id":1}', b"[" * 4000 + b"]" * 4000, "the value has more than 8 levels"),
    (b"[" * 4000 + b"]" * 4000, None, "the key has more than 8 levels"),
    (
        b'{"id":1}',
        b'{"id":1,"name":"' + b"n" * MAX_BYTES + b'","nationality":"x","score":1}',
        f"the value is larger than {MAX_BYTES} bytes",
    ),
    (b'{"id":' + b"1" * MAX_BYTES + b"}", None, f"the key is larger than {MAX_BYTES} bytes"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":01}', "the value is not JSON"),
    (b'{"id":1}', b'{"id":1,"name":"n"', "the value is not JSON"),
    (b'{"id":1}', b'["id", 1]', "the value is not a JSON object"),
    (b'{"id":1}', b"null", "the value is not a JSON object"),
    (b'{"id":1}', b'{"name":"n","nationality":"x","score":1}', "id is missing from the value"),
    (b'{"id":1}', b'{"id":1,"nationality":"x","score":1}', "name is missing from the value"),
    (b'{"id":1}', b'{"id":1,"name":null,"nationality":"x","score":1}', "name in the value is not a text"),
    (b'{"id":1}', b'{"id":1,"name":"n","score":1}', "nationality is missing from the value"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x"}', "score is missing from the value"),
    (b'{"id":1}', b'{"id":"1","name":"n","nationality":"x","score":1}', "id in the value is not a 32-bit integer"),
    (b'{"id":1}', b'{"id":2,"name":"n","nationality":"x","score":1}', "the id differs from the id in the key"),
    (b'{"id":1}', b'{"id":1,"name":5,"nationality":"x","score":1}', "name in the value is not a text"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":["x"],"score":1}', "nationality in the value is not a text"),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":"7"}', NO_SCORE),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":7.5}', NO_SCORE),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":2147483648}', NO_SCORE),
    (b'{"id":1}', b'{"id":1,"name":"n","nationality":"x","score":true}', NO_SCORE),
    (
        b'{"id":1}',
        b'{"id":1,"name":"\\",\\"score\\":3}","nationality":{},"score":3}',
        "nationality in the value is not a text",
    ),
]


def test_invalid_records_are_quarantined_and_change_nothing(run_analytics: RunJob) -> None:
    valid = list(map(upsert, SEED))
    tables, quarantine = run_analytics([*valid[:2], *(Record(key, value) for key, value, _ in INVALID), *valid[2:]])
    assert [(record["source_offset"], record["reason"]) for record in quarantine] == [
        (offset, reason) for offset, (_, _, reason) in enumerate(INVALID, start=2)
    ]
    assert_matches(tables, SEED)


def test_quarantine_keeps_origin_and_bytes(run_analytics: RunJob) -> None:
    _, quarantine = run_analytics([Record(b"\xff\x00", b"\xfe")])
    assert quarantine == [
        {
            "source_topic": "olympics.players",
            "source_partition": 0,
            "source_offset": 0,
            "source_timestamp": "2026-02-06 20:00:00Z",
            "reason": "the key is not UTF-8",
            "invalid_elements": None,
            "elements": None,
            "attempts": 0,
            "message_key": "/wA=",
            "message_value": "/g==",
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        b'{ "score" : 7 , "nationality" : "Austria", "id" : 1, "name" : "Al\\u0065x", "extra": [1, {"id": 2}] }',
        b'\n{"id":1,"name":"Alex","nationality":"Austria","score":7}\n',
    ],
)
def test_other_forms_of_a_valid_record_count(run_analytics: RunJob, value: bytes) -> None:
    tables, quarantine = run_analytics([Record(b'{ "id": 1 }', value)])
    assert quarantine == []
    assert_matches(tables, SEED[:1])
