"""infra/bench/throughput.py: which contestants are left out."""

from __future__ import annotations

import pytest

from infra.bench.contestants import contestants
from infra.bench.throughput import Throughput, too_slow


@pytest.mark.parametrize(("seconds", "is_left_out"), [(99.0, False), (101.0, True), (None, True)])
def test_contestant_that_was_slow_is_left_out_of_larger_sizes(seconds: float | None, is_left_out: bool) -> None:
    slow, other = contestants(None)[:2]
    before = [Throughput(slow.name, slow.title, 1_000_000, seconds)]

    found = too_slow(slow, 5_000_000, before)
    assert (found is not None) is is_left_out
    if found is not None:
        assert found.is_excused
        assert "1,000,000 records" in found.reason
    assert too_slow(slow, 1_000_000, before) is None
    assert too_slow(other, 5_000_000, before) is None
