"""Messages in the store: order, idempotence, attempts, resending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app.store import messages, schema
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.schema import calls, message_attempts
from tests.delivery.rows import LONG_AGO, new_call, put_message, rows_of

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
            messages.insert(
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
