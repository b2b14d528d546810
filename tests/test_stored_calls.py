"""``bench/stored_calls.py``: copies of a call are whole, and none is like another."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.store import calls as calls_store
from app.store import events, messages
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.schema import call_events, call_refs, call_tokens, calls, message_attempts
from app.store.schema import messages as messages_table
from bench.stored_calls import SPACING, fill
from providers.events import EventKind
from tests.delivery.rows import put_message, record
from tests.store.rows import START, add_call, add_org, add_token, event

COPIES = 3
TABLES = (calls, call_refs, call_tokens, call_events, messages_table, message_attempts)


def test_every_row_of_a_call_is_copied(store: Store, database_url: str) -> None:
    with store.write() as conn:
        org = add_org(conn)
        id = add_call(conn, org, provider_call_id="leg")
        calls_store.claim_ref(conn, "carrier", org, "leg", id)
        add_token(conn, id, "digest")
        events.append(conn, id, event(EventKind.CREATED), START)
        add_call(conn, org)  # another call, which is not copied
    put_message(store, (org, id), "key", "https://client.example/hook")
    record(store, (org, id), "key", Attempt(START, 1))
    store.close()  # the filling of a SQLite file is not for two
    fill(database_url, id, COPIES)
    with store.read() as conn:
        counts = [
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in TABLES
        ]
        copied = conn.execute(sa.select(calls).order_by(calls.c.created_at)).all()
        of_copy = messages.list_for_call(conn, org, copied[0].id)
        assert len(messages.attempts(conn, of_copy[0]["id"])) == 1
        assert len(events.of_call(conn, copied[0].id)) == 1
    assert counts == [COPIES + 2, *[COPIES + 1] * (len(TABLES) - 1)]
    assert len({row.id for row in copied}) == len(copied)
    space = timedelta(microseconds=SPACING)
    assert [START - row.created_at for row in copied[:COPIES]] == [3 * space, 2 * space, space]
