"""Lists of values in statements whose number of parameters is fixed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.store.engine import Store
from app.store.lists import MOST, any_of, by_size, values_of
from app.store.schema import orgs
from tests.store.rows import add_org

FIND = by_size(
    lambda size: sa.select(orgs.c.id).where(any_of(orgs.c.id, "ids", size)).order_by(orgs.c.id)
)


@pytest.mark.parametrize("wanted", [[], ["a"], ["a", "c", "unknown"], [*"abcdefghijklmnop"]])
def test_the_rows_of_the_list_are_found(store: Store, wanted: list[str]) -> None:
    with store.write() as conn:
        for id in "abc":
            add_org(conn, id)
        found = FIND(wanted).every(conn, values_of("ids", wanted))
    assert [row["id"] for row in found] == [id for id in "abc" if id in wanted]


def test_a_longer_list_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{MOST + 1} values"):
        values_of("ids", ["a"] * (MOST + 1))
