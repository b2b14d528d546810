"""When a pending message is attempted next, and what it waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.reporting.message_json import next_attempts
from tests.delivery.rows import LONG_AGO


def row(name: str, at: int, *, attempts: int = 0, refused: bool = False, **more: Any) -> Any:
    """A pending message of one call, whose stored time is ``at`` seconds from now."""
    times = {"next_at": LONG_AGO + timedelta(seconds=at)}
    state = {"state": "pending", "call_id": "call", **more}
    return {"id": name, "attempts": attempts, "refused": refused, **times, **state}


CASES: dict[str, tuple[list[Any], dict[str, tuple[int, str | None]]]] = {
    "due": ([row("a", -5)], {"a": (0, None)}),
    "in its backoff": ([row("a", 300, attempts=2)], {"a": (300, None)}),
    "behind one in its backoff": (
        [row("a", 300, attempts=1), row("b", -9), row("c", -8)],
        {"a": (300, None), "b": (300, "a"), "c": (300, "a")},
    ),
    "put off by the dispatcher": (
        [row("a", 5, attempts=1), row("b", 60)],
        {"a": (5, None), "b": (5, "a")},
    ),
    "behind a refused one": (
        [row("a", 300, attempts=1, refused=True), row("b", -1)],
        {"a": (300, None), "b": (0, None)},
    ),
    "behind a refused one that is due": (
        [row("a", -1, attempts=1, refused=True), row("b", -1)],
        {"a": (0, None), "b": (0, "a")},
    ),
    "with an own backoff, later than the other's": (
        [row("a", 5, attempts=1), row("b", 90, attempts=1)],
        {"a": (5, None), "b": (90, "a")},
    ),
    "finished ones hold back nothing": (
        [row("a", 300, state="failed"), row("b", -1)],
        {"b": (0, None)},
    ),
    "nor do those of other calls": (
        [row("a", 300, attempts=1, call_id="other"), row("b", -1)],
        {"a": (300, None), "b": (0, None)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_next_attempt_is_never_past(case: str) -> None:
    rows, wanted = CASES[case]
    found = next_attempts(rows, LONG_AGO)
    told = {
        name: ((each.at - LONG_AGO).total_seconds(), each.blocked_by)
        for name, each in found.items()
    }
    assert told == wanted
