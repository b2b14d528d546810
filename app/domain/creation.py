"""Making a call: what its ids mean is looked up, its row and first event are written.

Shared by the API (``service.py``) and by legs that arrive by themselves (``arrivals.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain import ledger, server_messages
from app.domain.assistants import Server, max_duration, merge, server_of, split_secrets
from app.domain.core import Core, Row, new_id
from app.store import accounts, calls
from app.store.resources import get as get_resource
from app.store.schema import assistants, customers
from providers.base import Provider
from providers.events import CallEvent, CallStatus, EventKind

INBOUND = "inboundPhoneCall"
OUTBOUND = "outboundPhoneCall"


@dataclass(slots=True)
class NewCall:
    """A call about to be made. Bodies hold no secrets; those are in ``secret``."""

    org_id: str
    provider: Provider
    type: str
    bypass: bool
    credential: Mapping[str, Any]
    """Row of the carrier account."""
    number: str | None
    """Ours, E.164."""
    body: dict[str, Any]
    """Shown as sent: ``BODY_FIELDS``."""
    assistant_id: str | None = None
    customer_id: str | None = None
    phone_number_id: str | None = None
    assistant: dict[str, Any] = field(default_factory=dict)
    """Stored or transient, its secrets included, overrides not yet applied."""
    customer: dict[str, Any] = field(default_factory=dict)
    phone_number: dict[str, Any] = field(default_factory=dict)
    """Body of the number with its server's secrets."""


def stored(core: Core, conn: Connection, table: sa.Table, org_id: str, id_: str) -> Any | None:
    """A resource's row with its secrets put back into the body, or None."""
    row = get_resource(conn, table, org_id, id_)
    if row is None:
        return None
    sealed = row.get("secret")
    body = merge(row["body"], core.vault.open(sealed)) if sealed else dict(row["body"])
    return {**row, "body": body}


def stored_assistant(
    core: Core, conn: Connection, org_id: str, assistant_id: str
) -> dict[str, Any] | None:
    row = stored(core, conn, assistants, org_id, assistant_id)
    return row["body"] if row else None


def stored_customer(
    core: Core, conn: Connection, org_id: str, customer_id: str
) -> dict[str, Any] | None:
    row = get_resource(conn, customers, org_id, customer_id)
    return dict(row["body"]) if row else None


def insert(core: Core, conn: Connection, new: NewCall) -> Row:
    """The row, its first event, its first message and the timer for a leg that never comes."""
    now = core.now()
    assistant = merge(new.assistant, new.body.get("assistantOverrides") or {})
    public, hidden = split_secrets(assistant)
    number_public, _ = split_secrets(new.phone_number)
    server, secrets = _server(core, conn, new, assistant)
    row: Row = {
        "id": new_id(),
        "org_id": new.org_id,
        "type": new.type,
        "provider": new.provider.name,
        "provider_call_id": None,
        "status": CallStatus.QUEUED,
        "ended_reason": None,
        "started_at": None,
        "ended_at": None,
        "settled_at": None,
        "bypass": new.bypass,
        "max_duration": max_duration(new.body, assistant),
        "assistant_id": new.assistant_id,
        "customer_id": new.customer_id,
        "phone_number_id": new.phone_number_id,
        "credential_id": new.credential["id"],
        "body": {k: v for k, v in new.body.items() if k != "maxDurationSeconds"},
        "resolved": {
            "assistant": public,
            "customer": new.customer,
            "phoneNumber": number_public,
            "number": new.number,
            "accountRef": new.credential["account_ref"],
            **({"server": server} if server else {}),
        },
        "secret": core.vault.seal(
            {k: v for k, v in (("server", secrets), ("assistant", hidden)) if v}
        ),
        "created_at": now,
        "updated_at": now,
    }
    calls.insert(conn, row)
    created = CallEvent(
        EventKind.CREATED,
        at=now,
        key="created",
        data={"bypass": new.bypass, "maxDurationSeconds": row["max_duration"]},
    )
    server_messages.queue_status(core, conn, row, 0)
    ledger.start_timer(core, conn, row["id"], ledger.NO_CALL, core.settings.bypass_ttl_seconds)
    ledger.record(core, conn, row, [created])
    return row


def _server(
    core: Core, conn: Connection, new: NewCall, assistant: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Where its messages go, once and for all, and with which secrets (kept apart).

    The assistant's server comes before the number's before the organisation's.
    """
    server = server_of(assistant) or server_of(new.phone_number) or _org_server(core, conn, new)
    if server is None:
        return None, {}
    secrets = {
        name: value
        for name, value in (("secret", server.secret), ("headers", dict(server.headers)))
        if value
    }
    policy = {"policy": dict(server.policy)} if server.policy else {}
    return {"url": server.url, **policy}, secrets


def _org_server(core: Core, conn: Connection, new: NewCall) -> Server | None:
    org = accounts.get_org(conn, new.org_id)
    if org is None or not org["server_url"]:
        return None
    return Server(org["server_url"], core.vault.open(org["secret"]).get("serverSecret"))
