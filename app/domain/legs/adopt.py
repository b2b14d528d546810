"""Bind a carrier's leg to its call: map its ids to the call, and choose the call's own leg."""

from __future__ import annotations

from app.domain.calls import record
from app.domain.calls.facts import CallFacts
from app.domain.calls.record import CallTx, Changes
from app.domain.legs import late_binding
from app.store import calls, owner_callbacks
from providers.base.webhook import Leg
from providers.events import CallStatus


def bind_leg(tx: CallTx, leg: Leg, *, media: bool = False) -> Changes:
    """Map the carrier's ids to the call. The first phone leg is the call's own.

    Returns the changes of the call.
    """
    facts, changes = tx.call.facts, Changes()
    if leg.leg_ref != (facts.media_leg_ref if media else facts.leg_ref):
        owner_callbacks.foresee_lanes(tx.conn, tx.call.provider, leg.leg_ref, leg.call_ref)
        for ref in {leg.leg_ref, leg.call_ref}:
            _map_ref(tx, ref)
        late_binding.look_back(tx.context, tx.conn, tx.call.provider, leg.leg_ref, leg.call_ref)
    bound = _bound(facts, leg, media=media)
    if bound != facts:
        changes["facts"] = bound
    if tx.call.provider_call_id is None:
        changes["provider_call_id"] = leg.call_ref
    return changes


def _bound(facts: CallFacts, leg: Leg, *, media: bool) -> CallFacts:
    """The facts with this leg's ids. The first leg of each kind stays."""
    if media and facts.media_leg_ref is None:
        facts = facts._replace(media_leg_ref=leg.leg_ref)
    if not media and facts.leg_ref is None:
        facts = facts._replace(leg_ref=leg.leg_ref)
    if leg.api_url and facts.api_url is None:
        facts = facts._replace(api_url=leg.api_url)
    if leg.sip and not media:
        facts = facts._replace(sip_leg=True)
    return facts


def move_to_leg(tx: CallTx, call_ref: str) -> Changes:
    """Give the call the id of the conversation that its leg has moved to."""
    _map_ref(tx, call_ref)
    late_binding.look_back(tx.context, tx.conn, tx.call.provider, call_ref, call_ref)
    return {"provider_call_id": call_ref}


def _map_ref(tx: CallTx, ref: str) -> None:
    """Map an id to this call. An id that an ended call had moves to this call."""
    provider, org_id = tx.call.provider, tx.call.org_id
    if calls.claim_ref(tx.conn, provider, org_id, ref, tx.call.id):
        return
    before = record.find_by_ref(tx.conn, provider, ref, {org_id})
    if before is not None and before.id != tx.call.id and before.status == CallStatus.ENDED:
        calls.move_ref(tx.conn, provider, org_id, ref, tx.call.id)
