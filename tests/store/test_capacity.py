"""Seats: which calls take one up, and that two counts do not overlap."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.store import calls, capacity, events
from app.store.engine import Store
from providers.events import CallStatus, EventKind
from tests.store.rows import START, add_call, add_org, add_token, event
from tests.store.together import impatient, race


@pytest.fixture
def org(store: Store) -> str:
    with store.write() as conn:
        return add_org(conn)


def test_nothing_is_taken_at_first(store: Store) -> None:
    with store.read() as conn:
        assert capacity.slots_in_use(conn) == 0


@pytest.mark.parametrize(
    ("status", "count"),
    [
        (CallStatus.QUEUED, 1),
        (CallStatus.RINGING, 1),
        (CallStatus.IN_PROGRESS, 1),
        (CallStatus.FORWARDING, 0),  # the assistant has left
        (CallStatus.ENDED, 0),
    ],
)
def test_a_call_we_dial_takes_a_seat_while_it_lives(
    store: Store, org: str, status: CallStatus, count: int
) -> None:
    with store.write() as conn:
        add_call(conn, org, status=status, bypass=False)
        assert capacity.slots_in_use(conn) == count


def fetched(conn: Connection, call_id: str) -> None:
    events.append(conn, call_id, event(EventKind.LEG_FETCHED), START)


def queued(conn: Connection, call_id: str) -> None:
    events.append(conn, call_id, event(EventKind.LEG_QUEUED), START)


def opened(conn: Connection, call_id: str) -> None:
    add_token(conn, call_id, "d", used_at=START)


def given_out(conn: Connection, call_id: str) -> None:
    add_token(conn, call_id, "d")


def controlled(conn: Connection, call_id: str) -> None:
    add_token(conn, call_id, "d", purpose="control", used_at=START)


def nothing(conn: Connection, call_id: str) -> None:
    """The call is only known."""


@pytest.mark.parametrize(
    ("happens", "count"),
    [
        (nothing, 0),
        (queued, 0),
        (fetched, 1),
        (given_out, 0),  # the socket is not open yet
        (opened, 1),
        (controlled, 0),  # a control socket is not the assistant's
    ],
)
def test_a_call_the_client_dials_takes_a_seat_once_its_leg_is_here(
    store: Store, org: str, happens: Callable[[Connection, str], None], count: int
) -> None:
    with store.write() as conn:
        happens(conn, add_call(conn, org))
        assert capacity.slots_in_use(conn) == count


def test_a_call_with_several_reasons_takes_one_seat(store: Store, org: str) -> None:
    with store.write() as conn:
        id = add_call(conn, org, bypass=False)
        fetched(conn, id)
        opened(conn, id)
        add_token(conn, id, "another", used_at=START)
        assert capacity.slots_in_use(conn) == 1


def test_an_ended_call_gives_its_seat_back(store: Store, org: str) -> None:
    with store.write() as conn:
        id = add_call(conn, org)
        opened(conn, id)
        calls.update(conn, id, {"status": "ended"})
        assert capacity.slots_in_use(conn) == 0


def test_seats_of_all_organisations_count_but_one_calls(store: Store, org: str) -> None:
    with store.write() as conn:
        ids = [add_call(conn, each, bypass=False) for each in (org, org, add_org(conn))]
        assert capacity.slots_in_use(conn) == 3
        assert capacity.slots_in_use(conn, but=ids[0]) == 2
        assert capacity.slots_in_use(conn, but="another") == 3


@pytest.mark.parametrize("most", [1, 3])
def test_of_several_calls_at_once_no_more_than_the_limit_get_in(
    store: Store, org: str, most: int
) -> None:
    def enter(conn: Connection, _: int) -> bool:
        capacity.lock_slots(conn)
        if capacity.slots_in_use(conn) >= most:
            return False
        add_call(conn, org, bypass=False)
        return True

    assert race(store, 8, enter).count(True) == most
    with store.read() as conn:
        assert capacity.slots_in_use(conn) == most


def test_who_counts_second_waits_for_the_first(store: Store, org: str) -> None:
    with store.write() as holder:
        capacity.lock_slots(holder)
        with pytest.raises(OperationalError), impatient(store) as conn:
            capacity.lock_slots(conn)
    with impatient(store) as conn:  # its transaction has ended
        capacity.lock_slots(conn)


def test_a_look_at_the_seats_waits_for_no_other(store: Store, org: str) -> None:
    with store.write() as holder:
        capacity.lock_slots(holder)
        add_call(holder, org, bypass=False)
        with store.read() as conn:
            assert capacity.slots_in_use(conn) == 0  # not committed yet
