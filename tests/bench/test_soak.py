"""The soak itself, with a few calls; and what it makes of samples."""

from __future__ import annotations

from operator import attrgetter

import pytest

from bench.soak import Size, soak
from bench.usage import ENOUGH, Sample, grows, growth, slope

DESCRIPTORS = attrgetter("descriptors")


def test_a_few_calls_at_both_carriers() -> None:
    """As in the whole soak, but without the voice agent, whose start takes seconds."""
    seen = soak(Size(minutes=0.05, calls=2, rate=1.0, agents=0))
    assert list(seen.problems) == [], "\n".join(seen.lines())
    assert seen.begun == 3
    assert seen.messages >= 4 * seen.begun
    assert sum(each.webhook for each in seen.answers) == 3 * seen.begun
    assert seen.samples


@pytest.mark.parametrize("an_hour", [0.0, 3.0, -2.0])
def test_the_slope_is_that_of_the_line_after_the_warm_up(an_hour: float) -> None:
    warming = [Sample(at, 10.0 * at, 9, 9) for at in range(100)]
    warm = [Sample(at, 90 + an_hour * at / 3600, 9, 9) for at in range(100, 300)]
    assert slope([*warming, *warm]) == pytest.approx(an_hour)


def test_one_sample_has_no_slope() -> None:
    assert slope([Sample(1.0, 90.0, 9, 9)]) == 0.0


@pytest.mark.parametrize(("a_second", "found"), [(0.0, False), (0.2, True), (0.01, False)])
def test_descriptors_that_are_never_closed(a_second: float, found: bool) -> None:
    samples = [Sample(at, 90.0, 40 + int(a_second * at), 9) for at in range(ENOUGH)]
    assert grows(samples, DESCRIPTORS) is found
    assert not grows(samples[:-1], DESCRIPTORS)


def test_the_growth_is_between_medians() -> None:
    jumps = [Sample(at, 90.0, 500 if at % 10 == 5 else 40, 9) for at in range(ENOUGH)]
    assert growth(jumps, DESCRIPTORS) == (40, 40)
