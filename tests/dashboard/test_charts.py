"""Bars: each within its place, upon the one before, as high as its share of the highest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.charts import HEIGHT, WIDTH, bars

AMOUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=40)


@given(AMOUNTS)
def test_bars(drawn: list[tuple[int, int]]) -> None:
    columns = [(str(n), {"good": a, "bad": b}) for n, (a, b) in enumerate(drawn)]
    chart = bars(columns)
    assert len(chart.parts) == sum(amount > 0 for pair in drawn for amount in pair)
    for part in chart.parts:
        assert 0 <= part.x <= part.x + part.width <= WIDTH + 0.1
        assert -0.1 <= part.y <= part.y + part.height <= HEIGHT + 0.1
    if any(map(sum, drawn)):
        assert chart.top == max(map(sum, drawn))


def test_no_calls_are_no_bars() -> None:
    assert bars([]).parts == []
