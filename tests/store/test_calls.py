"""Calls: by id, by a carrier's id, by token; what one of several at once gets."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from app.store import calls, commands, events, messages, recordings
from app.store.engine import Store
from app.store.schema import call_commands, call_events, call_refs, call_tokens
from app.store.schema import recordings as recordings_table
from providers.events import EventKind
from tests.store.rows import START, add_call, add_org, add_token, at, event, times
from tests.store.together import draft, impatient, overtaken, race

MANY = 8


@pytest.fixture
def org(store: Store) -> str:
    with store.write() as conn:
        return add_org(conn)


# ------------------------------------------------------------------ rows


def test_a_call_is_read_as_it_was_written(store: Store, org: str) -> None:
    written = {
        "body": {"customer": {"number": "+14155550100", "name": "Zoë"}, "n": [1, 2.5, None]},
        "resolved": {"a": {"b": True}},
        "secret": b"\x00\xff",
        "bypass": False,
        "ended_reason": None,
        "started_at": at(1),
    }
    with store.write() as conn:
        id = add_call(conn, org, **written)
    with store.read() as conn:
        row = calls.get(conn, id)
        assert calls.get(conn, "another") is None
    assert row
    assert {name: row[name] for name in written} == written
    assert row["created_at"] == START


def test_an_update_changes_only_what_it_names(store: Store, org: str) -> None:
    with store.write() as conn:
        id, other = add_call(conn, org), add_call(conn, org)
        before = calls.get(conn, id)
        calls.update(conn, id, {"status": "ended", "ended_at": at(9), "body": {"a": 1}})
        calls.update(conn, id, {"ended_reason": "customer-ended-call"})
        after, untouched = calls.get(conn, id), calls.get(conn, other)
    assert before
    assert after == before | {
        "status": "ended",
        "ended_at": at(9),
        "body": {"a": 1},
        "ended_reason": "customer-ended-call",
    }
    assert untouched
    assert untouched["status"] == "queued"


def test_a_call_belongs_to_an_organisation_there_is(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as conn:
        add_call(conn, "no organisation")


def test_with_a_call_goes_all_that_hangs_on_it(store: Store, org: str) -> None:
    tables = (call_refs, call_tokens, call_events, call_commands, recordings_table)
    with store.write() as conn:
        id, other = add_call(conn, org), add_call(conn, org)
        for each in (id, other):
            calls.claim_ref(conn, "carrier", org, f"leg of {each}", each)
            add_token(conn, each, f"digest {each}")
            events.append(conn, each, event(EventKind.CREATED), START)
            commands.add(conn, each, {"type": "say"}, START)
            values = {"id": each, "call_id": each, "org_id": org, "kind": "mono", "attempts": 0}
            values |= {"source": "carrier", "ref": "r", "state": "started", "created_at": START}
            recordings.insert(conn, values)
        calls.delete(conn, id)
    with store.read() as conn:
        assert calls.get(conn, id) is None
        for table in tables:
            assert [row.call_id for row in conn.execute(table.select())] == [other], table.name
        assert messages.pending(conn, id) == []


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("queued", False),
        ("ringing", False),
        ("in-progress", False),
        ("forwarding", True),
        ("ended", True),
    ],
)
def test_calls_without_media(store: Store, org: str, status: str, over: bool) -> None:
    with store.write() as conn:
        add_call(conn, org, "a", status=status)
        assert calls.streams(conn, {"a", "gone"}) == ({} if over else {"a": None})
        assert calls.streams(conn, set()) == {}


# ------------------------------------------------------------------ carriers' ids


def found(conn: Connection, ref: str, *orgs: str, provider: str = "carrier") -> str | None:
    row = calls.find_by_ref(conn, provider, ref, orgs)
    return None if row is None else str(row["id"])


def test_a_carriers_id_leads_to_its_call(store: Store, org: str) -> None:
    with store.write() as conn:
        other = add_org(conn)
        id = add_call(conn, org)
        assert calls.claim_ref(conn, "carrier", org, "leg", id)
        assert found(conn, "leg", org) == id
        assert found(conn, "leg", other, org) == id  # of any of these organisations
        assert found(conn, "leg", other) is None
        assert found(conn, "leg") is None
        assert found(conn, "another leg", org) is None
        assert found(conn, "leg", org, provider="another") is None


def test_one_leg_may_be_a_call_of_two_organisations(store: Store, org: str) -> None:
    """Both have the same account at the carrier: the older call is the one that is meant."""
    with store.write() as conn:
        other = add_org(conn)
        younger, older = add_call(conn, org, **times(5)), add_call(conn, other)
        assert calls.claim_ref(conn, "carrier", org, "leg", younger)
        assert calls.claim_ref(conn, "carrier", other, "leg", older)
        assert found(conn, "leg", org) == younger
        assert found(conn, "leg", org, other) == older


def test_a_claimed_id_stays_where_it_leads(store: Store, org: str) -> None:
    with store.write() as conn:
        first, second = add_call(conn, org), add_call(conn, org)
        assert calls.claim_ref(conn, "carrier", org, "leg", first)
        assert not calls.claim_ref(conn, "carrier", org, "leg", second)
        assert not calls.claim_ref(conn, "carrier", org, "leg", first)
        assert found(conn, "leg", org) == first
        calls.move_ref(conn, "carrier", org, "leg", second)
        assert found(conn, "leg", org) == second


def test_a_move_touches_no_other_id(store: Store, org: str) -> None:
    with store.write() as conn:
        other = add_org(conn)
        mine, theirs, moved = add_call(conn, org), add_call(conn, other), add_call(conn, org)
        calls.claim_ref(conn, "carrier", org, "leg", mine)
        calls.claim_ref(conn, "carrier", org, "leg 2", mine)
        calls.claim_ref(conn, "carrier", other, "leg", theirs)
        calls.move_ref(conn, "carrier", org, "leg", moved)
        assert found(conn, "leg 2", org) == mine
        assert found(conn, "leg", other) == theirs


def test_of_several_who_claim_an_id_at_once_one_gets_it(store: Store, org: str) -> None:
    with store.write() as conn:
        ids = [add_call(conn, org) for _ in range(MANY)]

    def claim(conn: Connection, number: int) -> bool:
        return calls.claim_ref(conn, "carrier", org, "leg", ids[number])

    won = race(store, MANY, claim)
    assert won.count(True) == 1
    with store.read() as conn:
        assert found(conn, "leg", org) == ids[won.index(True)]


def test_a_claim_that_is_rolled_back_leaves_the_id_free(store: Store, org: str) -> None:
    with store.write() as conn:
        first, second = add_call(conn, org), add_call(conn, org)
    with draft(store) as conn:
        assert calls.claim_ref(conn, "carrier", org, "leg", first)
    with store.write() as conn:
        assert calls.claim_ref(conn, "carrier", org, "leg", second)


# ------------------------------------------------------------------ tokens


def test_a_token_leads_to_its_call(store: Store, org: str) -> None:
    with store.write() as conn:
        id = add_call(conn, org)
        add_token(conn, id, "d", data={"leg": 1}, expires_at=at(60))
        row = calls.find_by_token(conn, "d", "media")
        assert row
        assert (row["id"], row["token_data"]) == (id, {"leg": 1})
        assert (row["token_used_at"], row["token_expires_at"]) == (None, at(60))
        assert calls.find_by_token(conn, "d", "control") is None
        assert calls.find_by_token(conn, "e", "media") is None


def used(call_id: str, digest: str, seconds: float) -> dict[str, Any]:
    row = {"digest": digest, "call_id": call_id, "purpose": "media"}
    return row | {"created_at": at(seconds), "expires_at": at(60), "used_at": at(seconds)}


@pytest.fixture(params=["derived", "random"])
def token_of(request: pytest.FixtureRequest, store: Store, org: str) -> str:
    """The call of the token "d", which has a row before its use if it is random."""
    with store.write() as conn:
        id = add_call(conn, org)
        add_token(conn, id, "e")
        if request.param == "random":
            add_token(conn, id, "d", data={"leg": 1})
    return id


def test_a_token_is_used_once(store: Store, token_of: str) -> None:
    with store.write() as conn:
        assert not calls.is_token_used(conn, "d")
        assert calls.use_token(conn, used(token_of, "d", 1))
        assert not calls.use_token(conn, used(token_of, "d", 2))
        assert calls.is_token_used(conn, "d")
        assert not calls.is_token_used(conn, "e")
        row, unused = (calls.find_by_token(conn, digest, "media") for digest in "de")
    assert row
    assert unused
    assert (row["token_used_at"], unused["token_used_at"]) == (at(1), None)


def test_of_several_who_use_a_token_at_once_one_may(store: Store, token_of: str) -> None:
    def use(conn: Connection, number: int) -> bool:
        return calls.use_token(conn, used(token_of, "d", number))

    won = race(store, MANY, use)
    assert won.count(True) == 1
    with store.read() as conn:
        row = calls.find_by_token(conn, "d", "media")
    assert row
    assert row["token_used_at"] == at(won.index(True))


def test_a_use_that_is_rolled_back_leaves_the_token_unused(store: Store, token_of: str) -> None:
    with draft(store) as conn:
        assert calls.use_token(conn, used(token_of, "d", 1))
    with store.write() as conn:
        assert calls.use_token(conn, used(token_of, "d", 2))


def test_a_stream_is_told_by_how_its_digest_begins(store: Store, org: str) -> None:
    name = "0123456789abcdef"
    with store.write() as conn:
        id, other = add_call(conn, org), add_call(conn, org)
        add_token(conn, id, name + "f" * 48)
        assert calls.has_stream(conn, id, name)
        assert not calls.has_stream(conn, other, name)
        for foreign in ("f" + name[1:], name[:15], name + "f", "", "%", "_" * 16):
            assert not calls.has_stream(conn, id, foreign)


# ------------------------------------------------------------------ locks

LOCKED_READS: dict[str, Any] = {
    "id": lambda conn, id, org: calls.get(conn, id, lock=True),
    "ref": lambda conn, id, org: calls.find_by_ref(conn, "carrier", id, [org], lock=True),
    "token": lambda conn, id, org: calls.find_by_token(conn, id, "media", lock=True),
}


@pytest.fixture
def pair(store: Store, org: str) -> tuple[str, str]:
    """Two calls whose carrier's id and token are named like themselves."""
    with store.write() as conn:
        for id in ("one", "two"):
            add_call(conn, org, id)
            calls.claim_ref(conn, "carrier", org, id, id)
            add_token(conn, id, id)
    return "one", "two"


@pytest.mark.parametrize("way", LOCKED_READS)
def test_a_locked_call_waits_for_the_transaction_that_holds_it(
    store: Store, org: str, pair: tuple[str, str], way: str
) -> None:
    find = LOCKED_READS[way]
    with store.write() as holder:
        assert find(holder, "one", org)["id"] == "one"
        with pytest.raises(OperationalError), impatient(store) as conn:
            calls.get(conn, "one", lock=True)
    with impatient(store) as conn:  # free again
        assert find(conn, "one", org)["id"] == "one"


@pytest.mark.parametrize("way", LOCKED_READS)
def test_reading_a_locked_call_waits_for_no_transaction(
    store: Store, org: str, pair: tuple[str, str], way: str
) -> None:
    with store.write() as holder:
        LOCKED_READS[way](holder, "one", org)
        calls.update(holder, "one", {"status": "ended"})
        with store.read() as conn:
            row = calls.get(conn, "one")
            assert row
            assert row["status"] == "queued"


def test_a_carriers_id_that_moves_while_its_call_is_waited_for_is_looked_up_again(
    store: Store, org: str, pair: tuple[str, str]
) -> None:
    """Its leg came once more: what concerns the new call must not land on the old one."""
    if store.is_sqlite:
        return  # it has one writer at a time

    def move() -> None:
        with store.write() as conn:
            calls.update(conn, "one", {"status": "ended"})
            calls.move_ref(conn, "carrier", org, "one", "two")

    def find(conn: Connection) -> object:
        return LOCKED_READS["ref"](conn, "one", org)

    with pytest.raises(calls.Moved):
        overtaken(store, "calls", find, move)
    with impatient(store) as conn:
        assert LOCKED_READS["ref"](conn, "one", org)["id"] == "two"


def test_another_call_is_held_up_on_sqlite_only(
    store: Store, org: str, pair: tuple[str, str]
) -> None:
    held_up = pytest.raises(OperationalError) if store.is_sqlite else nullcontext()
    with store.write() as holder:
        for find in LOCKED_READS.values():
            find(holder, "one", org)
        with held_up, impatient(store) as conn:
            for find in LOCKED_READS.values():
                assert find(conn, "two", org)["id"] == "two"


def test_changes_of_a_locked_call_are_not_lost(store: Store, org: str) -> None:
    with store.write() as conn:
        id = add_call(conn, org, body={"n": 0})

    def count_up(conn: Connection, _: int) -> None:
        row = calls.get(conn, id, lock=True)
        assert row
        calls.update(conn, id, {"body": {"n": row["body"]["n"] + 1}})

    race(store, MANY, count_up)
    with store.read() as conn:
        row = calls.get(conn, id)
    assert row
    assert row["body"] == {"n": MANY}
