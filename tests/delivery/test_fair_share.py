"""How many workers one receiver may have."""

from __future__ import annotations

from app.delivery.fair_share import LONG_PAUSE, MOST, PAUSE, Turns
from app.jobs.base import WORKERS


def test_no_receiver_has_all_workers() -> None:
    assert 1 < MOST < WORKERS


def test_a_healthy_receiver_has_half_of_them() -> None:
    turns = Turns()
    assert [turns.take("a") for _ in range(MOST)] == [None] * MOST
    pause = turns.take("a")
    assert pause is not None
    assert PAUSE[0] <= pause <= PAUSE[1]
    assert turns.take("b") is None
    turns.leave("a", hung=False)
    assert turns.take("a") is None


def test_a_hanging_receiver_has_one() -> None:
    turns = Turns()
    turns.take("a")
    turns.leave("a", hung=True)
    assert turns.take("a") is None
    pause = turns.take("a")
    assert pause is not None
    assert LONG_PAUSE[0] <= pause <= LONG_PAUSE[1]


def test_an_answer_ends_its_bad_name() -> None:
    turns = Turns()
    turns.take("a")
    turns.leave("a", hung=True)
    turns.take("a")
    turns.leave("a", hung=False)
    assert [turns.take("a") for _ in range(MOST)] == [None] * MOST
