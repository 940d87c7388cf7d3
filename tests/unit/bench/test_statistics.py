"""infra/bench/statistics.py: percentiles by nearest rank."""

from __future__ import annotations

import pytest

from infra.bench.statistics import Percentiles, percentile, percentiles


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_one_value_is_the_value() -> None:
    assert percentiles([7.0]) == Percentiles(1, 7.0, 7.0)


def test_percentile_requires_a_value() -> None:
    with pytest.raises(ValueError, match=r"^a percentile requires at least one value$"):
        percentiles([])
