"""What a bridge's worker holds over time: memory, descriptors, threads, and how they grow."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.serving import Process

WARM_UP = 1 / 3
"""Part of a run that is not judged: caches fill, libraries are loaded."""
ENOUGH = 100
"""Samples, which are a second apart at least."""
SPARE = 5
"""Descriptors or threads that may be more at the end: some connections come and go."""


@dataclass(frozen=True, slots=True)
class Sample:
    """``at``: seconds since the begin. ``memory``: megabytes."""

    at: float
    memory: float
    descriptors: int
    threads: int


def sample(process: Process, at: float) -> Sample:
    worker = Path(f"/proc/{process.worker}")
    descriptors = sum(1 for _ in (worker / "fd").iterdir())
    threads = sum(1 for _ in (worker / "task").iterdir())
    return Sample(at, process.memory, descriptors, threads)


def judged(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples after the warm-up."""
    return samples[int(len(samples) * WARM_UP) :]


def slope(samples: Sequence[Sample]) -> float:
    """Megabytes an hour, by a line through the samples after the warm-up."""
    found = judged(samples)
    if len({each.at for each in found}) < 2:
        return 0.0
    hours = [each.at / 3600 for each in found]
    return statistics.linear_regression(hours, [each.memory for each in found]).slope


def growth(samples: Sequence[Sample], of: Callable[[Sample], int]) -> tuple[float, float]:
    """The medians of the first and of the last third after the warm-up."""
    found = judged(samples)
    third = max(1, len(found) // 3)
    first, last = found[:third], found[-third:]
    return statistics.median(map(of, first)), statistics.median(map(of, last))


def grows(samples: Sequence[Sample], of: Callable[[Sample], int]) -> bool:
    """Whether there are more at the end. A few samples tell nothing."""
    first, last = growth(samples, of)
    return len(samples) >= ENOUGH and last > first + SPARE
