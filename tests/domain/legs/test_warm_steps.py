"""How far a warm transfer is: the fold over its events, in every order and with repetitions."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from app.domain.legs.warm_steps import ORDER, REACHED, Step, progress
from providers.events import CallEvent, EventKind
from tests.domain.calls.test_state import event

K = EventKind
OURS, LEG = "1", "operator-leg"
OF_OPERATOR = [*REACHED, K.OPERATOR_TALKED, K.OPERATOR_ENDED]


@st.composite
def histories(draw: st.DrawFn) -> list[CallEvent]:
    """Events of two transfers. A leg has one id, and one end."""
    kinds = draw(st.lists(st.sampled_from([*OF_OPERATOR, K.NOTE]), max_size=9))
    return [
        event(
            kind,
            draw(st.integers(0, 5)),
            key=str(number),
            data={
                "forward": draw(st.sampled_from([OURS, OURS, "2"])),
                **({"forwardLegRef": LEG} if draw(st.booleans()) else {}),
                **({"machine": draw(st.booleans())} if kind is K.OPERATOR_ANSWERED else {}),
                **({"outcome": "completed"} if kind is K.OPERATOR_ENDED else {}),
            },
        )
        for number, kind in enumerate(kinds)
    ]


@given(histories(), st.randoms(use_true_random=False))
def test_any_history_in_any_order(events: list[CallEvent], rng: random.Random) -> None:
    shuffled = events + rng.choices(events, k=3) if events else []
    rng.shuffle(shuffled)
    assert progress(shuffled, OURS) == progress(events, OURS)


@given(histories())
def test_no_event_takes_a_transfer_back(events: list[CallEvent]) -> None:
    before, after = progress(events[:-1], OURS), progress(events, OURS)
    assert ORDER[after.step] >= ORDER[before.step]
    assert bool(after.outcome) >= bool(before.outcome)


@given(histories())
def test_two_who_have_met_are_connected(events: list[CallEvent]) -> None:
    found = progress(events, OURS)
    own = {each.kind for each in events if each.data["forward"] == OURS}
    assert found.connected or found.step is not Step.JOINED
    assert not (found.connected and found.hears_last_words)
    if found.hears_last_words:
        assert K.OPERATOR_TALKING in own
        assert not own & {K.OPERATOR_TALKED, K.OPERATOR_JOINED}
