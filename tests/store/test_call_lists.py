"""Lists of calls: what they hold, in which order, how far they are counted."""

from __future__ import annotations

import json
import operator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import call_lists, call_search, calls
from app.store.call_lists import CallFilter
from app.store.engine import Store
from app.store.schema import LATE
from tests.properties import with_one_store
from tests.store.rows import START, add_call, add_org, at, times
from tests.store.together import draft


@pytest.fixture
def org(store: Store) -> str:
    with store.write() as conn:
        return add_org(conn)


AGES = {"a": 0, "b": 1, "c": 1, "d": 2}

PAGES: list[tuple[CallFilter, str]] = [
    (CallFilter(), "dcba"),  # newest first; of two of one time the greater id
    (CallFilter(ascending=True), "abcd"),
    (CallFilter(limit=2), "dc"),
    (CallFilter(limit=2, page=2), "ba"),
    (CallFilter(limit=3, page=2, ascending=True), "d"),
    (CallFilter(limit=2, page=3), ""),
    (CallFilter(equal={"status": "ended"}), "db"),
    (CallFilter(equal={"status": "ended", "provider": "another"}), ""),
    (CallFilter(times=[("created_at", "gt", at(1))]), "d"),
    (CallFilter(times=[("created_at", "ge", at(1))]), "dcb"),
    (CallFilter(times=[("created_at", "lt", at(1))]), "a"),
    (CallFilter(times=[("created_at", "le", at(1))]), "cba"),
    (CallFilter(times=[("created_at", "gt", START), ("updated_at", "lt", at(2))]), "cb"),
]


@pytest.mark.parametrize(("wanted", "ids"), PAGES)
def test_listing(store: Store, org: str, wanted: CallFilter, ids: str) -> None:
    with store.write() as conn:
        for id, age in AGES.items():
            status = "ended" if id in "bd" else "queued"
            add_call(conn, org, id, status=status, **times(age))
        add_call(conn, add_org(conn), "e")
        assert "".join(row["id"] for row in call_lists.listing(conn, org, wanted)) == ids


def test_a_count_is_of_all_pages_of_one_organisation(store: Store, org: str) -> None:
    with store.write() as conn:
        for id in AGES:
            add_call(conn, org, id, status="ended" if id == "a" else "queued")
        add_call(conn, add_org(conn))
        assert call_lists.count(conn, org, CallFilter(limit=1, page=2)) == 4
        assert call_lists.count(conn, org, CallFilter(equal={"status": "ended"})) == 1
        assert call_lists.count(conn, "another", CallFilter()) == 0


@given(ages=st.lists(st.integers(0, 5), max_size=12), limit=st.integers(1, 5))
@with_one_store(20)
def test_pages_put_together_are_all_calls_once(store: Store, ages: list[int], limit: int) -> None:
    with draft(store) as conn:
        org = add_org(conn)
        for age in ages:
            add_call(conn, org, **times(age))
        pages = [
            call_lists.listing(conn, org, CallFilter(limit=limit, page=page))
            for page in range(1, len(ages) // limit + 2)
        ]
    found = [row for page in pages for row in page]
    assert len({row["id"] for row in found}) == len(ages)
    assert [row["created_at"] for row in found] == [at(age) for age in sorted(ages, reverse=True)]


# ------------------------------------------------------------------ every filter

CREATED = st.integers(0, 3)
SECONDS = st.sampled_from((-1, 0, 1, LATE.total_seconds(), LATE.total_seconds() + 1))
ROWS = st.fixed_dictionaries(
    {
        "created": CREATED,
        "updated": SECONDS,  # after the creation
        "status": st.sampled_from(("queued", "ringing", "ended")),
        "settled": st.booleans(),
        "assistant_id": st.sampled_from((None, "a", "b")),
        "phone_number_id": st.sampled_from((None, "a", "b")),
        "provider_call_id": st.sampled_from((None, "a", "b")),
        "ended_reason": st.sampled_from((None, "a", "b")),
        "resolved": st.sampled_from(
            ({}, {"number": "a", "customer": {"number": "b"}}, {"customer": {"number": "a"}})
        ),
        "body": st.sampled_from(
            ({}, {"name": "Order 17"}, {"metadata": {"order": "A-17"}, "transcript": "Tea, 1775."})
        ),
    }
)
TIMES = st.tuples(
    st.sampled_from(("created_at", "updated_at")),
    st.sampled_from(("gt", "ge", "lt", "le")),
    st.builds(lambda age, late: at(age + late), CREATED, SECONDS),
)
EQUAL = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(("queued", "ringing", "ended")),
        "assistant_id": st.sampled_from("ab"),
        "phone_number_id": st.sampled_from("ab"),
        "provider_call_id": st.sampled_from("ab"),
        "ended_reason": st.sampled_from("ab"),
        "customer_number": st.sampled_from("ab"),
        "our_number": st.sampled_from("ab"),
    },
)
FILTERS = st.builds(
    CallFilter,
    equal=EQUAL,
    times=st.lists(TIMES, max_size=3),
    limit=st.integers(1, 4),
    page=st.integers(1, 3),
    ascending=st.booleans(),
    text=st.sampled_from(("", "", "", "17", "order", "te 17", "ORDER a-17", "zebra", "-")),
    number=st.sampled_from(("", "", "", "a", "b")),
)


def columns(drawn: dict[str, Any]) -> dict[str, Any]:
    """A row as the domain leaves it: only ended calls are settled."""
    created = at(drawn.pop("created"))
    updated = created + timedelta(seconds=drawn.pop("updated"))
    settled = drawn.pop("settled") and drawn["status"] == "ended"
    times = {"created_at": created, "updated_at": updated}
    return {**drawn, **times, "settled_at": updated if settled else None}


def has_text(body: dict[str, Any], text: str) -> bool:
    """No word of the drawn bodies is within another, apart from its beginning."""
    metadata = json.dumps(body.get("metadata", ""))
    said = call_search.words(f"{body.get('name', '')} {metadata} {body.get('transcript', '')}")
    wanted = call_search.words(text)
    return bool(wanted) and all(any(w.startswith(each) for w in said) for each in wanted)


def fits(row: dict[str, Any], wanted: CallFilter) -> bool:
    resolved = row["resolved"]
    found = row | {
        "customer_number": resolved.get("customer", {}).get("number"),
        "our_number": resolved.get("number"),
    }
    equal = all(found[column] == value for column, value in wanted.equal.items())
    if wanted.number and wanted.number not in (found["customer_number"], found["our_number"]):
        return False
    if wanted.text and not has_text(row["body"], wanted.text):
        return False
    return equal and all(getattr(operator, n)(row[c], at) for c, n, at in wanted.times)


@given(drawn=st.lists(ROWS, max_size=12), filters=st.lists(FILTERS, min_size=1, max_size=8))
@with_one_store(60)
def test_a_list_has_what_fits_and_nothing_else(
    store: Store, drawn: list[dict[str, Any]], filters: list[CallFilter]
) -> None:
    rows = {f"{number:02}": columns(dict(row)) for number, row in enumerate(drawn)}
    with draft(store) as conn:
        org = add_org(conn)
        for id, row in rows.items():
            add_call(conn, org, id, **row)
        for wanted in filters:
            order = sorted(rows, key=lambda id: (rows[id]["created_at"], id))
            fitting = [id for id in order if fits(rows[id], wanted)]
            if not wanted.ascending:
                fitting.reverse()
            page = fitting[wanted.end - wanted.limit : wanted.end]
            assert [row["id"] for row in call_lists.listing(conn, org, wanted)] == page
            assert call_lists.count(conn, org, wanted) == len(fitting)


def test_clocks_of_two_machines_may_differ(store: Store, org: str) -> None:
    """The one that updates a call may be behind."""
    with store.write() as conn:
        add_call(conn, org, "a", created_at=at(2), updated_at=at(1))
        for name in ("lt", "le"):
            wanted = CallFilter(times=[("updated_at", name, at(1.5))])
            assert [row["id"] for row in call_lists.listing(conn, org, wanted)] == ["a"]


# ------------------------------------------------------------------ counts


def test_a_count_ends_at_its_limit(store: Store, org: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_lists, "COUNTED", 3)
    with store.write() as conn:
        for settled in (None, START):
            for _ in range(4):
                add_call(conn, org, status="ended", settled_at=settled, assistant_id="a")
        counts = {
            (page, limit): call_lists.count(conn, org, CallFilter(equal, limit=limit, page=page))
            for limit, page in ((1, 1), (2, 2), (2, 3), (2, 4), (2, 9))
            for equal in ({"assistant_id": "a"}, {})
        }
    # page 4 is the last; whoever counts to there learns of no further one
    assert counts == {(1, 1): 3, (2, 2): 5, (3, 2): 7, (4, 2): 8, (9, 2): 8}


def test_words_are_those_of_the_call_now(store: Store, org: str) -> None:
    """A changed call is found by its new words only, and a deleted one by none."""

    def found(text: str) -> list[str]:
        return [row["id"] for row in call_lists.listing(conn, org, CallFilter(text=text))]

    with store.write() as conn:
        add_call(conn, org, "a", status="ended", settled_at=START, body={"transcript": "Tea."})
        assert found("tea") == ["a"]
        calls.update(conn, "a", {"body": {"transcript": "Coffee."}})
        assert (found("tea"), found("coffee")) == ([], ["a"])
        calls.update(conn, "a", {"body": {}})
        assert found("coffee") == []
        calls.update(conn, "a", {"body": {"summary": "Cocoa."}})
        calls.delete(conn, "a")
        assert found("cocoa") == []
