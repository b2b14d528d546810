"""A call's event log: in order of arrival, each event once, read back as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import events
from app.store.engine import Store
from providers.events import CallEvent, EndedReason, EventKind
from tests.properties import with_one_store
from tests.store.rows import START, add_call, add_org, at, event
from tests.store.together import draft, race


@pytest.fixture
def call(store: Store) -> str:
    with store.write() as conn:
        return add_call(conn, add_org(conn))


FULL = CallEvent(
    kind=EventKind.LEG_ENDED,
    at=at(1.5),
    key="the key",
    source="carrier",
    sequence=7,
    reason=EndedReason.CUSTOMER_ENDED_CALL,
    unanswered_reason=EndedReason.CUSTOMER_DID_NOT_ANSWER,
    generic=True,
    stream="MZ1",
    data={"price": {"amount": "0.1"}, "n": [1, None]},
    raw={"CallStatus": "completed"},
)


def test_an_event_is_read_back_without_the_carriers_words(store: Store, call: str) -> None:
    with store.write() as conn:
        assert events.append(conn, call, FULL, at(2))
        assert events.append(conn, call, event(EventKind.CREATED), at(3))
        assert events.of_call(conn, call) == [FULL._replace(raw={}), event(EventKind.CREATED)]


def test_a_carriers_token_is_of_one_event(store: Store, call: str) -> None:
    first, second = (FULL._replace(key=key, token="digest") for key in ("first", "second"))
    with store.write() as conn:
        other = add_call(conn, add_org(conn))
        events.add(conn, call, first, at(2))
    for there in (call, other):
        with pytest.raises(events.TokenUsed), store.write() as conn:
            events.add(conn, there, second, at(3))
        with pytest.raises(events.TokenUsed), store.write() as conn:
            events.begin(conn, there, [second], at(3))
    with store.read() as conn:
        assert [row["key"] for row in (*events.log(conn, call), *events.log(conn, other))] == [
            "first"
        ]


def test_the_log_holds_the_carriers_words_too(store: Store, call: str) -> None:
    with store.write() as conn:
        events.append(conn, call, FULL, at(2))
        (row,) = events.log(conn, call)
    assert row["raw"] == {"CallStatus": "completed"}
    assert (row["received_at"], row["at"]) == (at(2), at(1.5))
    assert (row["kind"], row["reason"]) == ("leg.ended", "customer-ended-call")


def test_an_event_is_in_the_log_once(store: Store, call: str) -> None:
    with store.write() as conn:
        other = add_call(conn, add_org(conn))
        assert events.append(conn, call, event(EventKind.CREATED, "k"), START)
        assert not events.append(conn, call, event(EventKind.LEG_ENDED, "k"), at(1))
        assert events.append(conn, other, event(EventKind.LEG_ENDED, "k"), START)
        assert [each.kind for each in events.of_call(conn, call)] == [EventKind.CREATED]


def test_whether_an_event_is_there(store: Store, call: str) -> None:
    with store.write() as conn:
        other = add_call(conn, add_org(conn))
        assert not events.has(conn, call, "k")
        events.append(conn, call, event(EventKind.CREATED, "k"), START)
        assert events.has(conn, call, "k")
        assert not events.has(conn, call, "K")
        assert not events.has(conn, other, "k")


def test_when_it_was_received_first(store: Store, call: str) -> None:
    with store.write() as conn:
        assert events.received_at(conn, call, "k") is None
        events.append(conn, call, event(EventKind.NOTE, "k"), at(1))
        events.append(conn, call, event(EventKind.NOTE, "k"), at(2))
        events.append(conn, call, event(EventKind.NOTE, "l"), at(3))
        assert events.received_at(conn, call, "k") == at(1)


def test_the_order_is_that_of_arrival_and_not_of_the_carriers_clock(
    store: Store, call: str
) -> None:
    with store.write() as conn:
        first = [event(EventKind.CREATED, "a", at=at(9)), event(EventKind.LEG_QUEUED, "b")]
        events.begin(conn, call, first, at(9))
        events.append(conn, call, event(EventKind.LEG_RINGING, "c", at=at(-5)), at(9))
        assert [each.key for each in events.of_call(conn, call)] == ["a", "b", "c"]
        assert [row["key"] for row in events.log(conn, call)] == ["a", "b", "c"]


def test_when_something_was_heard_last(store: Store, call: str) -> None:
    with store.write() as conn:
        assert events.last_received(conn, call) is None
        for key, seconds in (("a", 1), ("b", 8), ("c", 3)):
            events.append(conn, call, event(EventKind.LEG_RINGING, key), at(seconds))
        assert events.last_received(conn, call) == at(8)


def test_of_several_who_append_one_event_at_once_one_does(store: Store, call: str) -> None:
    """A carrier sends a callback again while the first is still worked on."""
    same = event(EventKind.LEG_ANSWERED)
    assert race(store, 8, lambda conn, _: events.append(conn, call, same, START)).count(True) == 1


def test_different_events_at_once_are_all_kept(store: Store, call: str) -> None:
    def append(conn: Any, number: int) -> bool:
        return events.append(conn, call, event(EventKind.LEG_ANSWERED, str(number)), START)

    assert race(store, 8, append) == [True] * 8
    with store.read() as conn:
        assert {each.key for each in events.of_call(conn, call)} == {str(n) for n in range(8)}


text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
"""PostgreSQL's text takes no NUL, and no text holds a lone surrogate."""

any_event = st.builds(
    CallEvent,
    kind=st.sampled_from(EventKind),
    at=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    key=text,
    source=text,
    sequence=st.none() | st.integers(0, 2**31 - 1),
    reason=st.none() | st.sampled_from(EndedReason),
    unanswered_reason=st.none() | st.sampled_from(EndedReason),
    generic=st.booleans(),
    stream=st.none() | text,
    data=st.dictionaries(text, json, max_size=3),
    raw=st.just({}),
    token=st.none(),
)


@given(st.lists(any_event, max_size=5, unique_by=lambda each: each.key))
@with_one_store(40)
def test_any_events_are_read_back_as_they_were(store: Store, written: list[CallEvent]) -> None:
    with draft(store) as conn:
        call = add_call(conn, add_org(conn))
        for each in written:
            assert events.append(conn, call, each, START)
        assert events.of_call(conn, call) == written
