"""Which index each question about many rows uses. Without one it would read all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store import (
    call_lists,
    capacity,
    events,
    idempotency,
    message_lists,
    messages,
    resources,
    retention,
)
from app.store.call_lists import CallFilter
from app.store.engine import Store
from app.store.resources import Window
from app.store.schema import LATE
from tests.databases import fresh_database
from tests.store.plans import plan
from tests.store.rows import add_call, add_org, at

ORG, ENDED, UNSETTLED, AT_ONCE = "org", 1_500, 4, 100
SPACING = LATE / 2
PAGES = [CallFilter(limit=10), CallFilter(limit=10, page=9), CallFilter(limit=10, ascending=True)]
RANGE = [("created_at", "ge", at(1000)), ("created_at", "lt", at(90_000))]
OPEN, ALL, LATER = "ix_calls_unsettled", "ix_calls_org_id_created_at_id", "ix_calls_updated_late"


def of_list(*times: Any, **equal: str) -> Callable[[Connection], object]:
    """Every page of a list, and its count."""

    def run(conn: Connection) -> None:
        for page in PAGES:
            wanted = CallFilter(equal, times, page.limit, page.page, page.ascending)
            call_lists.listing(conn, ORG, wanted)
            call_lists.count(conn, ORG, wanted)

    return run


def settled(column: str) -> set[str]:
    """Settled calls by their own index, and the few others."""
    return {OPEN, f"ix_calls_settled_{column}"}


def of_number(conn: Connection) -> None:
    for page in PAGES:
        call_lists.listing(conn, ORG, replace(page, number="+3"))
        call_lists.count(conn, ORG, replace(page, number="+3"))


def of_words(conn: Connection) -> None:
    for page in PAGES:
        wanted = replace(page, text="order 17")
        call_lists.listing(conn, ORG, wanted)
        call_lists.count(conn, ORG, wanted)


SINCE, BEFORE = ("updated_at", "ge", at(600_000)), ("updated_at", "lt", at(90_000))
NARROW = {
    "assistant_id": "3",
    "phone_number_id": "3",
    "provider_call_id": "3",
    "ended_reason": "r3",
    "customer_number": "+3",
    "our_number": "+3",
}
QUERIES: dict[str, tuple[Callable[[Connection], object], set[str] | None]] = {
    "all calls": (of_list(), {ALL}),
    "of a time": (of_list(*RANGE), {ALL}),
    "one call": (of_list(id="c3"), set()),
    **{name: (of_list(**{name: value}), settled(name)) for name, value in NARROW.items()},
    **{
        f"{name} of a time": (of_list(*RANGE, **{name: value}), settled(name))
        for name, value in NARROW.items()
    },
    "ended: nearly all are": (of_list(status="ended"), {ALL}),
    "not ended: only unsettled calls": (of_list(status="ringing"), {OPEN}),
    "not ended, of a time": (of_list(*RANGE, status="ringing"), {OPEN}),
    "changed since: created then, or in the index of late changes": (of_list(SINCE), {ALL, LATER}),
    "not changed since: created before": (of_list(BEFORE), {ALL}),
    "of one assistant, changed since": (
        of_list(SINCE, assistant_id="3"),
        {LATER, *settled("assistant_id")},
    ),
    "by a number, whose it ever is": (
        of_number,
        {OPEN, "ix_calls_settled_customer_number", "ix_calls_settled_our_number"},
    ),
    "by words: FTS5 of SQLite, a GIN index of PostgreSQL": (of_words, None),
    "the events of a call": (lambda conn: events.log(conn, "c3"), set()),
    "its messages": (lambda conn: messages.list_for_call(conn, ORG, "c3"), None),
    "failed messages of all calls": (
        lambda conn: message_lists.listing(conn, ORG, "failed", Window()),
        {"ix_messages_failed"},
    ),
    "calls that count for a limit": (
        lambda conn: capacity.slots_in_use(conn),
        {OPEN, "ix_call_tokens_call_id"},
    ),
    "old idempotency keys": (
        lambda conn: idempotency.forget(conn, at(0)),
        {"ix_idempotency_keys_created_at"},
    ),
    "calls that retention deletes": (
        lambda conn: retention.settled_before(conn, at(90_000), 100),
        {ALL},
    ),
    "calls whose parts retention clears": (
        lambda conn: retention.untrimmed(conn, "part", at(90_000), 100),
        {ALL},
    ),
    "their number": (
        lambda conn: retention.count_untrimmed(conn, "part", at(90_000)),
        {ALL},
    ),
    "a call that still needs its account": (
        lambda conn: resources.unfinished_call_with(conn, ORG, "x"),
        {OPEN},
    ),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Many settled calls, some of them changed late, a few others. PostgreSQL counts before it plans."""
    directory: Path = tmp_path_factory.mktemp("plans")
    with fresh_database(directory) as url:
        store = Store(url)
        fill(store)
        if not store.is_sqlite:
            with store.read() as conn:
                conn.execute(sa.text("ANALYZE"))
        yield store
        store.close()


def fill(store: Store) -> None:
    """Few at a time: a transaction has seconds, and a busy machine needs them."""
    with store.write() as conn:
        add_org(conn, ORG)
        for number in range(UNSETTLED):
            add_call(conn, ORG, status="ringing", assistant_id=str(number))
    for first in range(0, ENDED, AT_ONCE):
        with store.write() as conn:
            for number in range(first, min(first + AT_ONCE, ENDED)):
                add_ended_call(conn, number)


def add_ended_call(conn: Connection, number: int) -> None:
    made = at(0) + number * SPACING
    changed = made + (2 * LATE if number % 50 == 0 else timedelta(0))
    add_call(
        conn,
        ORG,
        f"c{number}",
        status="ended",
        assistant_id=str(number % 40),
        phone_number_id=str(number % 40),
        provider_call_id=str(number),
        ended_reason=f"r{number % 40}",
        resolved={"number": f"+{number % 40}", "customer": {"number": f"+{number % 40}"}},
        created_at=made,
        updated_at=changed,
        ended_at=made,
        settled_at=made,
    )


@pytest.mark.database
@pytest.mark.parametrize("name", QUERIES)
def test_a_question_uses_its_index(filled: Store, name: str) -> None:
    run, indexes = QUERIES[name]
    with filled.read() as conn:
        found = plan(conn, run)
    assert found.scanned == set()
    assert indexes is None or found.indexes == indexes
