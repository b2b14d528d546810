"""How many workers one receiver may have."""

from __future__ import annotations

from app.delivery.fair_share import MOST, WORKERS, FairShare
from app.store import lists


def test_no_receiver_has_all_workers() -> None:
    assert 1 < MOST < WORKERS


def test_one_statement_takes_what_a_turn_begins() -> None:
    assert WORKERS <= lists.MOST


def test_a_healthy_receiver_has_half_of_them() -> None:
    turns = FairShare()
    assert turns.full() == []
    assert [turns.acquire("a") for _ in range(MOST)] == [True] * MOST
    assert turns.full() == ["a"]
    assert not turns.acquire("a")
    assert turns.acquire("b")
    turns.release("a", hung=False)
    assert turns.full() == []
    assert turns.acquire("a")


def test_a_hanging_receiver_has_one() -> None:
    turns = FairShare()
    turns.acquire("a")
    turns.release("a", hung=True)
    assert turns.full() == []
    assert turns.acquire("a")
    assert turns.full() == ["a"]
    assert not turns.acquire("a")


def test_an_answer_ends_its_bad_name() -> None:
    turns = FairShare()
    turns.acquire("a")
    turns.release("a", hung=True)
    turns.acquire("a")
    turns.release("a", hung=False)
    assert [turns.acquire("a") for _ in range(MOST)] == [True] * MOST


def test_a_worker_that_was_not_used_says_nothing_of_it() -> None:
    turns = FairShare()
    turns.acquire("a")
    turns.release("a", hung=True)
    turns.acquire("a")
    turns.release("a", hung=None)
    assert [turns.acquire("a") for _ in range(2)] == [True, False]
