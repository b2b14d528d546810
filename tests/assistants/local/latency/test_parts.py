"""The parts of a wait are never negative and add up to it, whatever order the reports came in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.assistants.local.latency.parts import Moments, split

AT = st.floats(0.0, 20.0)
MAYBE = st.none() | AT
MOMENTS = st.builds(Moments, AT, MAYBE, AT, MAYBE, MAYBE)


@given(moments=MOMENTS, last=AT, wait=st.floats(0.0, 10.0), block=AT)
def test_parts(moments: Moments, last: float, wait: float, block: float) -> None:
    found = split(moments, last, last + wait, block)
    spans = dict(found.spans)
    assert len(spans) == 6
    assert min(spans.values()) >= -1e-9
    assert abs(found.turn - wait) < 1e-6
