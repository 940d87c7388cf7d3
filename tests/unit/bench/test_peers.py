"""infra/bench/peers: the rules of a record, and the hand-written consumer against the model of the tests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.bench.changelog import changes, last_rows
from infra.bench.peers import contract
from infra.bench.peers.contract import InvalidRecordError, read_record
from infra.bench.peers.python_consumer import Results
from tests.support import olympics_model

KEY = b'{"id":1}'
VALID = {"id": 1, "name": "A", "nationality": "US", "score": 7}


def test_valid_record_and_deletion() -> None:
    assert read_record(KEY, json.dumps(VALID).encode()) == (1, contract.Row("A", "US", 7))
    assert read_record(KEY, None) == (1, None)


@pytest.mark.parametrize(
    "changed",
    [{"id": 2}, {"id": "1"}, {"score": "7"}, {"score": 7.0}, {"score": True}, {"score": 2**31}, {"name": None}],
)
def test_field_of_another_type_is_invalid(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecordError):
        read_record(KEY, json.dumps({**VALID, **changed}).encode())


@pytest.mark.parametrize("key", [None, b"", b"1", b"{}", b'{"id":"1"}', b'{"id":2147483648}'])
def test_key_that_is_not_an_id_is_invalid(key: bytes | None) -> None:
    with pytest.raises(InvalidRecordError):
        read_record(key, None)


@pytest.mark.parametrize("batch", [1, 7, 5_000])
def test_hand_written_results_equal_the_model(batch: int) -> None:
    """The size of the batches changes what is written in between, but never the results."""
    changelog = list(changes(3_000))
    results, found = Results(), dict[tuple[str, bytes], bytes]()
    for begin in range(0, len(changelog), batch):
        for change in changelog[begin : begin + batch]:
            results.apply(change.id, contract.Row(*change.row) if change.row else None)
        for output, key, value in results.take_changes():
            if value is None:
                found.pop((output, key), None)
            else:
                found[output, key] = value

    rows = [olympics_model.Row(number, *row) for number, row in last_rows(changelog).items()]
    expected = olympics_model.expected_outputs(rows)
    for output in contract.OUTPUTS:
        values = [json.loads(value) for (name, _), value in found.items() if name == output]
        assert olympics_model.in_order(values) == olympics_model.in_order(expected[output].values()), output
