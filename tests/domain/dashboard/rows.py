"""Calls that the tests of the dashboard add."""

from __future__ import annotations

from app.store import accounts, calls
from app.wiring import Services
from tests.store.rows import add_call

ANOTHER_ORG = "55555555-5555-4555-8555-555555555555"
CALL, REF = "66666666-6666-4666-8666-666666666666", "CA" + "f" * 32


def add_foreign_call(services: Services) -> tuple[str, str]:
    """A settled call of another organisation: its id, and the carrier's. Twice makes one."""
    with services.store.read() as conn:
        if calls.get(conn, CALL) is not None:
            return CALL, REF
    now = services.context.now()
    org = {"id": ANOTHER_ORG, "name": "another", "server_url": None, "secret": None}
    with services.store.write() as conn:
        accounts.put_org(conn, {**org, "created_at": now, "updated_at": now})
        add_call(
            conn,
            ANOTHER_ORG,
            CALL,
            provider="twilio",
            provider_call_id=REF,
            status="ended",
            settled_at=now,
            created_at=now,
            updated_at=now,
            body={"name": "foreign"},
            resolved={"customer": {"number": "+14155559999"}},
        )
        calls.claim_ref(conn, "twilio", ANOTHER_ORG, REF, CALL)
    return CALL, REF
