"""Transactions that are done again: PostgreSQL undoes one of two that wait for each other.

Nothing of it is left then, and the other one goes on. So the same work succeeds, if it asked no
other server and changed nothing in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from app.store.faults import Deadlocked

MOST = 5
"""How often the same work is begun anew."""

P = ParamSpec("P")
T = TypeVar("T")


def until_done(work: Callable[[], T], *undone: type[Exception]) -> T:
    """Do the work, at most ``MOST`` times: each of these errors says that nothing of it is left."""
    for _ in range(MOST - 1):
        with suppress(*undone):
            return work()
    return work()


def one_transaction(work: Callable[P, T]) -> Callable[P, T]:
    """For a function that is one transaction, and besides only reads: a deadlock is no failure."""

    @wraps(work)
    def done(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return work(*arguments, **named)
        except Deadlocked:
            return until_done(partial(work, *arguments, **named), Deadlocked)

    return done
