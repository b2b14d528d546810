"""How many workers one receiver may have."""

from __future__ import annotations

from app.delivery.fair_share import LONG_PAUSE, MOST, PAUSE, FairShare
from app.jobs.base import WORKERS


def test_no_receiver_has_all_workers() -> None:
    assert 1 < MOST < WORKERS


def test_a_healthy_receiver_has_half_of_them() -> None:
    turns = FairShare()
    assert [turns.acquire("a") for _ in range(MOST)] == [None] * MOST
    pause = turns.acquire("a")
    assert pause is not None
    assert PAUSE[0] <= pause <= PAUSE[1]
    assert turns.acquire("b") is None
    turns.release("a", hung=False)
    assert turns.acquire("a") is None


def test_a_hanging_receiver_has_one() -> None:
    turns = FairShare()
    turns.acquire("a")
    turns.release("a", hung=True)
    assert turns.acquire("a") is None
    pause = turns.acquire("a")
    assert pause is not None
    assert LONG_PAUSE[0] <= pause <= LONG_PAUSE[1]


def test_an_answer_ends_its_bad_name() -> None:
    turns = FairShare()
    turns.acquire("a")
    turns.release("a", hung=True)
    turns.acquire("a")
    turns.release("a", hung=False)
    assert [turns.acquire("a") for _ in range(MOST)] == [None] * MOST
