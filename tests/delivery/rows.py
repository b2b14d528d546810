"""The rows a message hangs on, and messages."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from app.store import messages, outbox, schema
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.outbox import Tried
from app.store.schema import calls, orgs

LONG_AGO = datetime(2024, 5, 4, 12, 0, 0, tzinfo=UTC)


def new_call(store: Store) -> tuple[str, str]:
    """An organisation and a call of it: their ids."""
    org_id, call_id = str(uuid.uuid4()), str(uuid.uuid4())
    times = {"created_at": LONG_AGO, "updated_at": LONG_AGO}
    with store.write() as conn:
        conn.execute(orgs.insert(), {"id": org_id, "name": "tests", **times})
        conn.execute(
            calls.insert(),
            {
                "id": call_id,
                "org_id": org_id,
                "type": "inboundPhoneCall",
                "provider": "carrier",
                "status": "queued",
                "bypass": True,
                "max_duration": 600,
                "body": {},
                "resolved": {},
                **times,
            },
        )
    return org_id, call_id


def put_message(store: Store, ids: tuple[str, str], key: str, url: str, **more: Any) -> None:
    """Queue a message whose body names its key."""
    values: dict[str, Any] = {
        "type": key.partition(":")[0],
        "url": url,
        "facts": facts(key=key),
        "policy": None,
        "at": LONG_AGO,
        **more,
    }
    with store.write() as conn:
        messages.insert(conn, org_id=ids[0], call_id=ids[1], key=key, **values)


def facts(**extra: Any) -> dict[str, Any]:
    """Those of a message of a queued call."""
    names = ("provider_call_id", "ended_reason", "started_at", "ended_at")
    then = {"type": "inboundPhoneCall", "status": "queued", "updated_at": LONG_AGO.isoformat()}
    return {"extra": extra, "call": {**dict.fromkeys(names), **then}}


def put_old_message(store: Store, ids: tuple[str, str], key: str, url: str, **more: Any) -> None:
    """A message as the version before wrote it: with its text and a copy of the secrets."""
    put_message(store, ids, key, url)
    body = f'{{"message":{{"key":"{key}"}}}}'
    old = {"facts": None, "body": body, "receiver": "", **more}
    with store.write() as conn:
        conn.execute(schema.messages.update().where(schema.messages.c.key == key).values(**old))


def set_secrets(store: Store, ids: tuple[str, str], sealed: bytes | None) -> None:
    """Replace the call's secrets."""
    with store.write() as conn:
        conn.execute(calls.update().where(calls.c.id == ids[1]).values(secret=sealed))


def record(
    store: Store, ids: tuple[str, str], key: str, attempt: Attempt | None = None, **more: Any
) -> None:
    """Store the result of an attempt at the message of this key, delivered by default."""
    (row,) = (row for row in rows_of(store, ids) if row["key"] == key)
    of = {"state": "delivered", "until": row["next_at"], "text": row["body"], **more}
    tried = Tried(row, attempt=attempt or Attempt(LONG_AGO, 1, 200), **of)
    with store.write() as conn:
        outbox.record(conn, [tried], LONG_AGO)


def rows_of(store: Store, ids: tuple[str, str]) -> list[dict[str, Any]]:
    """The call's messages, each with its ``tries``."""
    with store.read() as conn:
        return [
            {**row, "tries": [dict(t) for t in messages.attempts(conn, row["id"])]}
            for row in messages.list_for_call(conn, *ids)
        ]
