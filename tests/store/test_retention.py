"""Which calls are old: settled ones, the oldest first, whatever their organisation."""

from __future__ import annotations

import pytest

from app.store.engine import Store
from app.store.retention import settled_before
from tests.store.rows import add_call, add_org, at, times

LIMIT = at(10)


@pytest.mark.parametrize(
    ("created", "settled", "old"),
    [
        (1, 9, True),
        (1, 10, False),  # it ended later
        (1, None, False),  # it goes on
        (9, 9.5, True),
    ],
)
def test_a_call_is_old_when_it_was_settled_before(
    store: Store, created: float, settled: float | None, old: bool
) -> None:
    with store.write() as conn:
        settled_at = None if settled is None else at(settled)
        id = add_call(conn, add_org(conn), status="ended", settled_at=settled_at, **times(created))
        assert settled_before(conn, LIMIT, 5) == ([id] if old else [])


def test_the_oldest_come_first_of_every_organisation(store: Store) -> None:
    with store.write() as conn:
        for org in ("a", "b"):
            add_org(conn, org)
            for age in (3, 1, 2):
                add_call(conn, org, f"{org}{age}", settled_at=at(age), **times(age))
        assert settled_before(conn, LIMIT, 2) == ["a1", "a2"]
        assert settled_before(conn, LIMIT, 4) == ["a1", "a2", "a3", "b1"]
        assert settled_before(conn, LIMIT, 9) == ["a1", "a2", "a3", "b1", "b2", "b3"]
        assert settled_before(conn, LIMIT, 3) == ["a1", "a2", "a3"]
