"""Percentiles of measured times; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Percentiles:
    """Median and 99th percentile of a number of times, in milliseconds."""

    count: int
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms ({self.count} changes)"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not less than a share of the values; ValueError if there are none."""
    if not values:
        raise ValueError("a percentile requires at least one value")
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]


def percentiles(values: Sequence[float]) -> Percentiles:
    """Return the percentiles of times in milliseconds; ValueError if there are none."""
    return Percentiles(len(values), percentile(values, 0.50), percentile(values, 0.99))
