"""Columns of our own kind, and what every table promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from app.store.engine import Store
from app.store.schema import EPOCH, Time, metadata, orgs
from tests.properties import with_one_store
from tests.store.rows import START, add_org, times
from tests.store.together import draft

ZONES = st.sampled_from(
    (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(1) / 2))
)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)


@given(st.lists(MOMENTS, min_size=1, max_size=6))
@with_one_store(40)
def test_times_are_kept_to_the_microsecond_and_in_order(
    store: Store, moments: list[datetime]
) -> None:
    with draft(store) as conn:
        for number, moment in enumerate(moments):
            add_org(conn, str(number), created_at=moment)
        query = sa.select(orgs.c.created_at).order_by(orgs.c.created_at)
        found = conn.execute(query).scalars().all()
        first = conn.execute(sa.select(sa.func.min(orgs.c.created_at))).scalar_one()
    assert found == sorted(moments)
    assert first == min(moments)
    assert {each.tzinfo for each in found} == {UTC}


def test_a_time_is_a_number_of_microseconds_in_the_database(store: Store) -> None:
    with store.write() as conn:
        add_org(conn, "a", created_at=EPOCH + timedelta(seconds=1, microseconds=2))
        assert conn.execute(sa.text("SELECT created_at FROM orgs")).scalar_one() == 1_000_002


def test_no_time_is_none(store: Store) -> None:
    assert Time().process_bind_param(None, store.engine.dialect) is None
    assert Time().process_result_value(None, store.engine.dialect) is None


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    """Whose noon it is cannot be told."""
    with pytest.raises((StatementError, TypeError)), store.write() as conn:
        add_org(conn, created_at=START.replace(tzinfo=None))


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_secrets_stand_only_in_encrypted_columns(table: sa.Table) -> None:
    for column in table.columns:
        named = any(word in column.name for word in ("secret", "password", "credentials"))
        assert named == isinstance(column.type, sa.LargeBinary), column


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_row_of_a_call_goes_with_it(table: sa.Table) -> None:
    """Deleting a call leaves nothing of it behind."""
    for key in table.foreign_keys:
        if key.column.table.name in ("calls", "messages"):
            assert key.ondelete == "CASCADE", key


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_the_rows_of_a_call_are_found_by_an_index(table: sa.Table) -> None:
    """Deleting a call reads none of the others'."""
    keys = (key.parent for key in table.foreign_keys if key.column.table.name in GROWING)
    for column in keys:
        uniques = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
        indexes = [each for each in (*table.indexes, *uniques) if whole(each)]
        first = {next(iter(index.columns)) for index in (*indexes, table.primary_key)}
        assert column in first, column


GROWING = ("calls", "messages")


def whole(index: sa.Index | sa.UniqueConstraint) -> bool:
    """Whether it has all rows of its table."""
    return index.dialect_options["sqlite"].get("where") is None


def test_rows_of_an_organisation_belong_to_one_there_is() -> None:
    for table in metadata.sorted_tables:
        if "org_id" in table.c:
            (key,) = table.c.org_id.foreign_keys
            assert key.column is orgs.c.id
            assert not table.c.org_id.nullable


def test_times_of_a_row_are_set(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.write() as conn:
        conn.execute(orgs.insert(), {"id": "a", "name": "a", **times(), "updated_at": None})
