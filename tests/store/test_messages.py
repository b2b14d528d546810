"""Messages in the store: order, idempotence, attempts, resending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app.store import calls as call_rows
from app.store import messages, schema
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.schema import calls, message_attempts
from tests.delivery.rows import LONG_AGO, new_call, put_message, rows_of
from tests.store.together import race

URL = "https://client.example/hook"


def next_pending(conn: Connection, call_id: str) -> dict[str, Any] | None:
    """The oldest that waits."""
    return next(iter(messages.pending(conn, call_id)), None)


def test_a_message_is_due_at_once(store: Store) -> None:
    ids = new_call(store)
    assert put_message(store, ids, "status-update:queued", URL, policy={"timeoutSeconds": 5})
    with store.read() as conn:
        row = next_pending(conn, ids[1])
    assert row
    assert (row["key"], row["type"], row["url"]) == ("status-update:queued", "status-update", URL)
    assert (row["state"], row["attempts"], row["next_at"]) == ("pending", 0, LONG_AGO)
    assert row["policy"] == {"timeoutSeconds": 5}
    assert row["secret"] is None


def test_a_key_stands_once_per_call(store: Store) -> None:
    ids, others = new_call(store), new_call(store)
    assert put_message(store, ids, "end-of-call-report", URL, body="first")
    assert not put_message(store, ids, "end-of-call-report", URL, body="second")
    assert put_message(store, others, "end-of-call-report", URL)
    assert [row["body"] for row in rows_of(store, ids)] == ["first"]


def test_the_order_is_that_of_insertion(store: Store) -> None:
    ids = new_call(store)
    keys = [f"status-update:{number}" for number in range(20)]
    for key in keys[:10]:
        put_message(store, ids, key, URL)
    with store.write() as conn:  # several in one transaction
        for key in keys[10:]:
            queue(conn, ids, key)
    assert [row["key"] for row in rows_of(store, ids)] == keys


def test_the_order_survives_a_clock_that_goes_back(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a:1", URL)
    with store.write() as conn:  # as if the first had been written in the year 2200
        conn.execute(schema.messages.update().values(seq=7_258_118_400_000_000_000))
    put_message(store, ids, "a:2", URL)
    assert [row["key"] for row in rows_of(store, ids)] == ["a:1", "a:2"]


def test_finished_messages_are_not_next(store: Store) -> None:
    ids = new_call(store)
    for key in ("a", "b", "c"):
        put_message(store, ids, key, URL)
    seen = []
    for state in (messages.DELIVERED, messages.FAILED, messages.DELIVERED):
        with store.write() as conn:
            row = next_pending(conn, ids[1])
            assert row
            seen.append(row["key"])
            messages.finish(conn, row["id"], state, at=LONG_AGO)
    with store.read() as conn:
        assert next_pending(conn, ids[1]) is None
    assert seen == ["a", "b", "c"]
    assert [row["state"] for row in rows_of(store, ids)] == ["delivered", "failed", "delivered"]


def test_attempts_are_counted_and_kept(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a", URL)
    message_id = rows_of(store, ids)[0]["id"]
    later = LONG_AGO + timedelta(seconds=5)
    with store.write() as conn:
        assert messages.record_attempt(conn, message_id, Attempt(LONG_AGO, 12, error="no answer"))
        assert messages.record_attempt(conn, message_id, Attempt(later, 7, 500, None, "oops"))
        messages.postpone(conn, message_id, later)
    row = rows_of(store, ids)[0]
    assert (row["attempts"], row["next_at"]) == (2, later)
    kept = [(t["at"], t["duration_ms"], t["status_code"], t["error"]) for t in row["tries"]]
    assert kept == [(LONG_AGO, 12, None, "no answer"), (later, 7, 500, None)]
    assert row["tries"][1]["response"] == "oops"


def test_an_attempt_of_a_deleted_call_is_dropped(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a", URL)
    message_id = rows_of(store, ids)[0]["id"]
    with store.write() as conn:
        conn.execute(calls.delete().where(calls.c.id == ids[1]))
    with store.write() as conn:
        assert not messages.record_attempt(conn, message_id, Attempt(LONG_AGO, 1, 200))
        assert conn.execute(message_attempts.select()).first() is None


def test_resend_begins_anew_and_keeps_the_history(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a", URL)
    put_message(store, ids, "b", URL)
    message_id = rows_of(store, ids)[0]["id"]
    now = LONG_AGO + timedelta(days=4)
    with store.write() as conn:
        messages.record_attempt(conn, message_id, Attempt(LONG_AGO, 1, 410))
        messages.finish(conn, message_id, messages.FAILED, at=LONG_AGO)
        messages.resend(conn, message_id, at=now)
        row = next_pending(conn, ids[1])
    assert row
    assert (row["id"], row["state"], row["attempts"]) == (message_id, "pending", 0)
    assert row["next_at"] == now
    assert len(rows_of(store, ids)[0]["tries"]) == 1


def test_another_organisation_sees_nothing(store: Store) -> None:
    ids, others = new_call(store), new_call(store)
    put_message(store, ids, "a", URL)
    assert rows_of(store, (others[0], ids[1])) == []


def test_pending_are_all_that_wait_in_their_order(store: Store) -> None:
    ids, others = new_call(store), new_call(store)
    for key in ("a", "b", "c"):
        put_message(store, ids, key, URL)
    put_message(store, others, "d", URL)
    rows = rows_of(store, ids)
    with store.write() as conn:
        messages.finish(conn, rows[1]["id"], messages.FAILED, at=LONG_AGO)
        assert [row["key"] for row in messages.pending(conn, ids[1])] == ["a", "c"]
        assert messages.count_pending(conn, ids[1]) == 2
        assert messages.count_pending(conn, "unknown") == 0


def test_a_postponed_message_waits_and_says_whether_it_was_refused(store: Store) -> None:
    ids = new_call(store)
    for key in ("a", "b"):
        put_message(store, ids, key, URL)
    later = LONG_AGO + timedelta(minutes=5)
    with store.write() as conn:
        first, second = messages.pending(conn, ids[1])
        messages.postpone(conn, first["id"], later, refused=True)
        now, untouched = messages.pending(conn, ids[1])
        assert (now["next_at"], now["refused"], now["state"]) == (later, True, "pending")
        assert untouched == second
        messages.postpone(conn, first["id"], later)  # the last answer is what counts
        assert not messages.pending(conn, ids[1])[0]["refused"]


def test_a_message_is_deleted_with_its_attempts(store: Store) -> None:
    ids = new_call(store)
    for key in ("a", "b"):
        put_message(store, ids, key, URL)
    first, second = (row["id"] for row in rows_of(store, ids))
    with store.write() as conn:
        for id in (first, second):
            messages.record_attempt(conn, id, Attempt(LONG_AGO, 1, 200))
        messages.delete(conn, first)
        left = conn.execute(message_attempts.select()).all()
    assert [row.message_id for row in left] == [second]
    assert [row["key"] for row in rows_of(store, ids)] == ["b"]


def test_a_body_is_kept_byte_for_byte(store: Store) -> None:
    """It is what was signed."""
    ids = new_call(store)
    body = '{"b": 1,\t"a":"Gr\u00fc\\u00dfe",  "n":1.0}'
    put_message(store, ids, "a", URL, body=body, secret=b"\x00\xff")
    (row,) = rows_of(store, ids)
    assert (row["body"], row["secret"]) == (body, b"\x00\xff")


def test_of_several_who_queue_one_message_at_once_one_does(store: Store) -> None:
    """The same callback, worked on twice."""
    ids = new_call(store)
    assert race(store, 8, lambda conn, _: queue(conn, ids, "a")).count(True) == 1
    assert len(rows_of(store, ids)) == 1


def test_the_order_is_that_of_those_who_hold_the_call(store: Store) -> None:
    """The promise of this module: with the call's row locked inserts do not overlap."""
    ids = new_call(store)
    order: list[str] = []

    def work(conn: Connection, number: int) -> None:
        call_rows.get(conn, ids[1], lock=True)
        order.append(str(number))
        queue(conn, ids, str(number))

    race(store, 8, work)
    assert [row["key"] for row in rows_of(store, ids)] == order


def test_attempts_made_at_once_are_all_counted(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a", URL)
    id = rows_of(store, ids)[0]["id"]
    race(store, 8, lambda conn, n: messages.record_attempt(conn, id, Attempt(LONG_AGO, n, 500)))
    (row,) = rows_of(store, ids)
    assert row["attempts"] == 8
    assert sorted(each["duration_ms"] for each in row["tries"]) == [*range(8)]


def queue(conn: Connection, ids: tuple[str, str], key: str) -> bool:
    return messages.insert(
        conn,
        org_id=ids[0],
        call_id=ids[1],
        key=key,
        type="status-update",
        url=URL,
        body="{}",
        secret=None,
        policy=None,
        at=LONG_AGO,
    )
