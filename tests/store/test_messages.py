"""Messages in the store: order, idempotence, attempts, resending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app.store import calls as call_rows
from app.store import message_lists, messages, schema
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.schema import message_attempts
from tests.delivery.rows import LONG_AGO, new_call, put_message, record, rows_of
from tests.store.together import race

URL = "https://client.example/hook"


def next_pending(conn: Connection, call_id: str) -> dict[str, Any] | None:
    """The oldest that waits."""
    return next(iter(messages.pending(conn, call_id)), None)


def test_a_message_is_due_at_once(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "status-update:queued", URL, policy={"timeoutSeconds": 5})
    with store.read() as conn:
        row = next_pending(conn, ids[1])
    assert row
    assert (row["key"], row["type"], row["url"]) == ("status-update:queued", "status-update", URL)
    assert (row["state"], row["attempts"], row["next_at"]) == ("pending", 0, LONG_AGO)
    assert row["policy"] == {"timeoutSeconds": 5}
    assert (row["body"], row["secret"]) == ("", None)  # the text is not made yet
    assert row["receiver"] == "client.example"


def test_a_key_stands_once_per_call(store: Store) -> None:
    ids, others = new_call(store), new_call(store)
    put_message(store, ids, "end-of-call-report", URL, facts={"a": "first"})
    put_message(store, ids, "end-of-call-report", URL, facts={"a": "second"})
    put_message(store, others, "end-of-call-report", URL)
    assert [row["facts"] for row in rows_of(store, ids)] == [{"a": "first"}]


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
        with store.read() as conn:
            row = next_pending(conn, ids[1])
        assert row
        seen.append(row["key"])
        record(store, ids, row["key"], state=state)
    with store.read() as conn:
        assert next_pending(conn, ids[1]) is None
    assert seen == ["a", "b", "c"]
    assert [row["state"] for row in rows_of(store, ids)] == ["delivered", "failed", "delivered"]


def test_resend_begins_anew_and_keeps_the_history(store: Store) -> None:
    ids = new_call(store)
    put_message(store, ids, "a", URL)
    put_message(store, ids, "b", URL)
    message_id = rows_of(store, ids)[0]["id"]
    now = LONG_AGO + timedelta(days=4)
    record(store, ids, "a", Attempt(LONG_AGO, 1, 410), state=messages.FAILED, text="as sent")
    with store.write() as conn:
        message_lists.resend(conn, ids[1], [message_id], at=now)
        row = next_pending(conn, ids[1])
    assert row
    assert (row["id"], row["state"], row["attempts"]) == (message_id, "pending", 0)
    assert (row["next_at"], row["body"]) == (now, "as sent")
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
    record(store, ids, "b", state=messages.FAILED)
    with store.read() as conn:
        assert [row["key"] for row in messages.pending(conn, ids[1])] == ["a", "c"]
        assert messages.count_pending(conn, ids[1]) == 2
        assert messages.count_pending(conn, "unknown") == 0


def test_a_message_is_deleted_with_its_attempts(store: Store) -> None:
    ids = new_call(store)
    for key in ("a", "b"):
        put_message(store, ids, key, URL)
    first, second = (row["id"] for row in rows_of(store, ids))
    for key in ("a", "b"):
        record(store, ids, key)
    with store.write() as conn:
        messages.delete(conn, first)
        left = conn.execute(message_attempts.select()).all()
    assert [row.message_id for row in left] == [second]
    assert [row["key"] for row in rows_of(store, ids)] == ["b"]


def test_of_several_who_queue_one_message_at_once_one_does(store: Store) -> None:
    """The same callback, worked on twice."""
    ids = new_call(store)
    race(store, 8, lambda conn, _: queue(conn, ids, "a"))
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


def queue(conn: Connection, ids: tuple[str, str], key: str) -> None:
    messages.insert(
        conn,
        org_id=ids[0],
        call_id=ids[1],
        key=key,
        type="status-update",
        url=URL,
        facts={},
        policy=None,
        at=LONG_AGO,
    )
