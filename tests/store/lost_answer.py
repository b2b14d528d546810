"""A commit that is made, though its answer is lost: the store says that it timed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import Connection

from app.store.engine import Store
from app.store.faults import TimedOut


def lose_one_answer(
    monkeypatch: pytest.MonkeyPatch, store: Store, when: Callable[[], object]
) -> list[str]:
    """Lose the answer of the first commit for which ``when`` is true. The list is not empty then."""
    write, lost = store.write, list[str]()

    @contextmanager
    def write_without_answer() -> Iterator[Connection]:
        with write() as conn:
            yield conn
        if when() and not lost:
            lost.append("the commit is made")
            raise TimedOut

    monkeypatch.setattr(store, "write", write_without_answer)
    return lost
