"""A receiver that is down for a day, with a few calls; and that the bench would notice faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.settings import Settings
from bench.receiver_down import Seen, receiver_down


def test_all_is_delivered_in_order_and_on_schedule(settings: Settings) -> None:
    seen = receiver_down(settings, calls=2, hours=24)
    assert seen.right, seen.line()
    assert (seen.messages, seen.delivered) == (8, 8)
    assert seen.attempts > seen.messages
    assert len(seen.shares) == 2 * 7, "the eighth attempt comes about 32 hours after the first"


RIGHT = Seen(calls=1, messages=4, delivered=4, attempts=9, shares=[0.9, 1.1])


@pytest.mark.parametrize(
    "wrong", [{"delivered": 3}, {"repeated": 1}, {"disordered": 1}, {"shares": [0.7]}]
)
def test_a_fault_is_noticed(wrong: dict[str, object]) -> None:
    assert RIGHT.right
    assert not replace(RIGHT, **wrong).right  # type: ignore[arg-type]
