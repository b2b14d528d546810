"""Percentiles, in milliseconds, of times in seconds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest measured value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3 if ordered else 0.0


def median(values: Sequence[float]) -> float:
    return statistics.median(values) * 1e3 if values else 0.0
