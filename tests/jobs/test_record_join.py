"""The job record_join: the contract on the sample records, and every way in which a record can be invalid."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.jobs.conftest import OLYMPIC_EVENTS, Outputs, Record, RunJob
from tests.support.olympics_model import SEED
from tests.support.record_cases import INVALID
from tests.support.record_model import LISTED_ELEMENTS, MAX_BYTES, Quarantined, Sent, fold

SAMPLE = [line.encode() for line in (OLYMPIC_EVENTS / "data" / "records.jsonl").read_text().splitlines()]
START = 1_770_408_000_000


def record(kind: str, data: list[Any], at: int = 0, partition: int = 0, **more: Any) -> Record:
    """Return a record with a timestamp `at` milliseconds after the first."""
    value = json.dumps({"type": kind, "data": data, **more}, ensure_ascii=False).encode()
    return Record(kind.encode(), value, partition, START + at)


def raw(value: bytes | None, at: int = 0) -> Record:
    return Record(b"name", value, 0, START + at)


def athlete(first_id: int = 1) -> list[Record]:
    """Return the three records of one athlete."""
    values = {"name": "Ann", "score": 3, "nationality": "Peru"}
    return [record(kind, [value], first_id=first_id) for kind, value in values.items()]


def assert_is_folded(outputs: Outputs, records: list[Record]) -> None:
    """Compare athletes and quarantine with the model."""
    offsets: dict[int, int] = {}
    sent = []
    for each in records:
        offset = offsets.get(each.partition, 0)
        offsets[each.partition] = offset + 1
        sent.append(Sent(each.partition, offset, each.timestamp_ms, each.value))
    expected = fold(sent)
    assert outputs.tables["entries"] == {row.id: row._asdict() for row in expected.athletes.values()}
    assert quarantined(outputs) == expected.quarantine


def quarantined(outputs: Outputs) -> set[Quarantined]:
    found = [as_quarantined(row) for row in outputs.quarantine]
    assert len(set(found)) == len(found)
    return set(found)


def as_quarantined(row: dict[str, Any]) -> Quarantined:
    elements = tuple((element["position"], element["reason"]) for element in row["elements"] or ())
    return Quarantined(row["source_partition"], row["source_offset"], row["reason"], row["invalid_elements"], elements)


def test_sample_gives_the_seed_rows_in_their_order(run_record_join: RunJob) -> None:
    outputs = run_record_join(Record(None, line) for line in SAMPLE)

    assert outputs.quarantine == []
    assert outputs.tables["entries"] == {row.id: row._asdict() for row in SEED}


def test_latest_value_counts_by_timestamp_then_partition_then_offset(run_record_join: RunJob) -> None:
    records = [
        *athlete(),
        record("name", ["late"], at=50),
        record("name", ["early, and read later"], at=20),
        record("score", [4], at=10, partition=2),
        record("score", [5], at=10, partition=1),
        record("nationality", ["first"], at=10, partition=1),
        record("nationality", ["second"], at=10, partition=1),
    ]

    outputs = run_record_join(records)

    assert outputs.tables["entries"] == {1: {"id": 1, "name": "late", "nationality": "second", "score": 4}}
    assert_is_folded(outputs, records)


def test_null_deletes_a_value_and_a_later_value_restores_it(run_record_join: RunJob) -> None:
    records = [
        *athlete(1), *athlete(2), *athlete(3),
        record("score", [None, None], at=10, first_id=2),
        record("score", [9], at=20, first_id=3),
        record("name", [None], at=5, first_id=7),
    ]  # fmt: skip

    outputs = run_record_join(records)

    assert set(outputs.tables["entries"]) == {1, 3}
    assert outputs.tables["entries"][3]["score"] == 9
    assert_is_folded(outputs, records)


def test_incomplete_athlete_is_not_written(run_record_join: RunJob) -> None:
    records = [record("name", ["a", "b"]), record("score", [1, 2]), record("nationality", ["x"])]

    outputs = run_record_join(records)

    assert set(outputs.tables["entries"]) == {1}


def test_text_is_kept_exactly(run_record_join: RunJob) -> None:
    names = ["", " a ", 'q"uote', "back\\slash", '\\"', "a,b", "[1]", "{}", "7", "null", "true", "s", "é", "e\u0301",
             "\U0001f3c5", "tab\tnew\nline", "\x00", "n" * 255, "\\ud800", "\u2028"]  # fmt: skip
    records = [
        record("name", list(names)),
        record("score", [*range(len(names))]),
        record("nationality", ["\U0001f3c5" * 100] * len(names)),
    ]

    outputs = run_record_join(records)

    assert [value["name"] for _, value in sorted(outputs.tables["entries"].items())] == names
    assert_is_folded(outputs, records)


def test_list_with_the_most_elements_of_a_record(run_record_join: RunJob) -> None:
    value = b'{"type":"score","data":[' + b"1," * 32_754 + b"2]}"
    assert len(value) <= MAX_BYTES
    names = [record("name", ["n"], first_id=i) for i in (1, 10_000, 32_755)]
    nations = [record("nationality", ["x"], first_id=i) for i in (1, 10_000, 32_755)]

    outputs = run_record_join([raw(value), *names, *nations])

    assert {i: value["score"] for i, value in outputs.tables["entries"].items()} == {1: 1, 10_000: 1, 32_755: 2}


def test_invalid_records_are_quarantined_and_valid_ones_count(run_record_join: RunJob) -> None:
    records = [*athlete(1), *(raw(value) for value, _ in INVALID), *athlete(2)]

    outputs = run_record_join(records)

    assert quarantined(outputs) == {
        Quarantined(0, offset, reason) for offset, (_, reason) in enumerate(INVALID, start=3)
    }
    assert set(outputs.tables["entries"]) == {1, 2}
    assert_is_folded(outputs, records)


def test_other_forms_of_a_valid_record_count(run_record_join: RunJob) -> None:
    forms = [
        b'\n { "data" : [ "\\u0061\\ud83c\\udfc5" , "\\\\ud800" ] , "type" : "n\\u0061me" } \t\r\n',
        b'{"first_id":3,"data":["first"],"type":"name"}',
        b'{"type":"name","data":[]}',
        b'{"type":"name","data":["top"],"first_id":2147483647}',
    ]
    ids = [*range(1, 4), 2147483647]
    records = [*(raw(value) for value in forms)]
    records += [record(kind, [value], first_id=i) for i in ids for kind, value in (("score", -0), ("nationality", ""))]

    outputs = run_record_join(records)

    assert outputs.quarantine == []
    names = {i: value["name"] for i, value in outputs.tables["entries"].items()}
    assert names == {1: "a\U0001f3c5", 2: "\\ud800", 3: "first", 2147483647: "top"}
    assert_is_folded(outputs, records)


def test_invalid_elements_are_listed_in_one_quarantined_record_and_the_others_count(run_record_join: RunJob) -> None:
    names = ["a", 1, "c", True, "d" * 256, ["x", "y"], {"s": "s"}, 1.5, "i"]
    nations = ["A"] * 8 + ["B" * 101]
    scores = [1, "2", 3, 2147483648, -2147483648, 1.0, 1e3, False, [4]]
    records = [record("name", names), record("nationality", nations), record("score", scores), *athlete(20)]

    outputs = run_record_join(records)

    assert set(outputs.tables["entries"]) == {1, 3, 20}
    listed = {record.offset: [position for position, _ in record.elements] for record in quarantined(outputs)}
    assert listed == {0: [1, 3, 4, 5, 6, 7], 1: [8], 2: [1, 3, 5, 6, 7, 8]}
    assert_is_folded(outputs, records)


def test_record_of_invalid_elements_is_quarantined_once_with_the_first_of_them(run_record_join: RunJob) -> None:
    value = b'{"type":"name","data":[' + b"0," * 32_755 + b"0]}"
    assert len(value) <= MAX_BYTES

    outputs = run_record_join([raw(value)])

    [row] = outputs.quarantine
    assert (row["reason"], row["invalid_elements"]) == ("invalid elements", 32_756)
    assert row["elements"] == [{"position": i, "reason": "the element is not a text"} for i in range(LISTED_ELEMENTS)]
    assert len(json.dumps(row)) < 2 * len(value)


def test_elements_beyond_the_largest_id_are_invalid(run_record_join: RunJob) -> None:
    records = [record("name", ["a", "b", None], first_id=2147483647), *athlete(2147483647)]

    outputs = run_record_join(records)

    assert set(outputs.tables["entries"]) == {2147483647}
    assert_is_folded(outputs, records)


def test_quarantine_keeps_origin_bytes_and_attempts(run_record_join: RunJob) -> None:
    value = b'{"type":"name","data":["a",1]}'
    outputs = run_record_join([Record(b"\xff\x00", b"\xfe", 2, START, attempts=3), Record(None, value, 1, START)])

    common = {"source_topic": "olympic_data", "source_timestamp": "2026-02-06 20:00:00Z", "source_offset": 0}
    by_partition = {row["source_partition"]: row for row in outputs.quarantine}
    assert by_partition[2] == {
        **common, "source_partition": 2, "reason": "the record is not UTF-8", "attempts": 3,
        "invalid_elements": None, "elements": None,
        "message_key": "/wA=", "message_value": "/g==",
    }  # fmt: skip
    assert by_partition[1] == {
        **common, "source_partition": 1, "reason": "invalid elements", "attempts": 0, "invalid_elements": 1,
        "elements": [{"position": 1, "reason": "the element is not a text"}],
        "message_key": None, "message_value": base64.b64encode(value).decode(),
    }  # fmt: skip
