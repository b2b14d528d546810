"""The rows a message hangs on, and messages."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from app.store import messages
from app.store.engine import Store
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


def put_message(store: Store, ids: tuple[str, str], key: str, url: str, **more: Any) -> bool:
    """Queue a message whose body names its key."""
    values: dict[str, Any] = {
        "type": key.partition(":")[0],
        "url": url,
        "body": f'{{"message":{{"key":"{key}"}}}}',
        "secret": None,
        "policy": None,
        "at": LONG_AGO,
        **more,
    }
    with store.write() as conn:
        return messages.insert(conn, org_id=ids[0], call_id=ids[1], key=key, **values)


def rows_of(store: Store, ids: tuple[str, str]) -> list[dict[str, Any]]:
    """The call's messages, each with its ``tries``."""
    with store.read() as conn:
        return [
            {**row, "tries": [dict(t) for t in messages.attempts(conn, row["id"])]}
            for row in messages.list_for_call(conn, *ids)
        ]
