"""What a load is judged by: each fault alone is noticed, and an overload may refuse creates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.left_over import LeftOver
from bench.load_verdict import SETTLE, Verdict
from bench.record import CALLBACK, CREATE, MARKUP, REPORT, UPDATE, Bucket

NOTHING = LeftOver(0, 0)


def good() -> Bucket:
    found = Bucket()
    for kind in (CREATE, CALLBACK, MARKUP, UPDATE):
        found.times[kind] = [0.01] * 1000
    found.times[REPORT] = [SETTLE + 0.01] * 1000
    return found


def refuse(kind: str) -> Callable[[Bucket], object]:
    return lambda whole: whole.refused.update({kind: 1})


def slow(kind: str, seconds: float, count: int = 30) -> Callable[[Bucket], object]:
    return lambda whole: whole.times[kind].extend([seconds] * count)


def test_what_was_served_in_time_has_no_problems() -> None:
    verdict = Verdict(good(), 0, NOTHING)
    assert (*verdict.problems, *verdict.delivery_problems) == ()
    assert "2,000 messages, 100.00% at the first attempt" in verdict.delivery()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (refuse(CALLBACK), "callbacks were refused"),
        (refuse(MARKUP), "callbacks were refused"),
        (lambda whole: whole.failed.update({CALLBACK: 1}), "requests failed"),
        (slow(CALLBACK, 0.2), "callbacks' p99 is late"),
        (slow(MARKUP, 0.2), "documents' p99 is late"),
        (slow(UPDATE, 1.1), "messages' p99 is late"),
        (slow(REPORT, SETTLE + 1.1), "messages' p99 is late"),
    ],
)
def test_each_fault_is_noticed(change: Callable[[Bucket], object], problem: str) -> None:
    whole = good()
    change(whole)
    assert list(Verdict(whole, 0, NOTHING).problems) == [problem]


@pytest.mark.parametrize("left", [LeftOver(1, 0), LeftOver(0, 1)])
def test_what_is_left_is_stuck(left: LeftOver) -> None:
    assert "calls or messages are stuck" in Verdict(good(), 0, left).problems


@pytest.mark.parametrize(
    ("change", "missing", "problem"),
    [
        (lambda whole: None, 3, "messages are missing"),
        (slow(UPDATE, 5.0, 3), 0, "first attempts failed"),
        (slow(UPDATE, 0.2, 2001), 0, "messages' median is late"),
    ],
)
def test_each_fault_of_messages_is_noticed(
    change: Callable[[Bucket], object], missing: int, problem: str
) -> None:
    whole = good()
    change(whole)
    assert problem in Verdict(whole, missing, NOTHING).delivery_problems


def test_an_overload_refuses_creates_and_nothing_else() -> None:
    whole = good()
    slow(CALLBACK, 2.0)(whole)
    refuse(CREATE)(whole)
    assert Verdict(whole, 0, NOTHING).problems == []
    refuse(CALLBACK)(whole)
    assert Verdict(whole, 0, NOTHING).problems == ["callbacks were refused"]
