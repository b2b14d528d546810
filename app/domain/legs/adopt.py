"""A carrier's leg and its call: which ids lead to the call, and which leg is the call's own."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from app.domain.context import Row
from app.store import calls
from providers.base.webhook import Leg
from providers.events import CallStatus


def bind_leg(conn: Connection, row: Row, leg: Leg, *, media: bool = False) -> dict[str, Any]:
    """Make the carrier's ids lead to the call; the first phone leg is the call's own.

    Returns the columns that change by it.
    """
    resolved = row["resolved"]
    facts = {"mediaLegRef" if media else "legRef": leg.leg_ref}
    if leg.api_url:
        facts["apiUrl"] = leg.api_url
    values: dict[str, Any] = {}
    if resolved.get(next(iter(facts))) != leg.leg_ref:
        for ref in {leg.leg_ref, leg.call_ref}:
            _map_ref(conn, row, ref)
    if any(name not in resolved for name in facts):
        values["resolved"] = {**facts, **resolved}
    if row["provider_call_id"] is None:
        values["provider_call_id"] = leg.call_ref
    return values


def move_to_leg(conn: Connection, row: Row, call_ref: str) -> dict[str, Any]:
    """A leg that changed its conversation took the call's carrier id with it."""
    _map_ref(conn, row, call_ref)
    return {"provider_call_id": call_ref}


def _map_ref(conn: Connection, row: Row, ref: str) -> None:
    """A leg that served a call before serves this one now, once that call is over."""
    provider, org_id = row["provider"], row["org_id"]
    if calls.claim_ref(conn, provider, org_id, ref, row["id"]):
        return
    before = calls.find_by_ref(conn, provider, ref, {org_id})
    if before is not None and before["id"] != row["id"] and before["status"] == CallStatus.ENDED:
        calls.move_ref(conn, provider, org_id, ref, row["id"])
