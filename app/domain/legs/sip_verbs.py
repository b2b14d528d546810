"""How a blind transfer moves the caller's leg: by ``transferPlan.sipVerb``, or by dialling.

A verb needs a leg that is SIP. Of a call in a flow only the carrier's webhooks tell this. So the
leg's request for its document decides.
"""

from __future__ import annotations

import logging

from app.domain.assistant import transfer_places, transfer_plan
from app.domain.assistant.transfer_plan import Verb
from app.domain.calls.create import OUTBOUND
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx

NO_SIP_LEG = "the caller's leg is not SIP"

log = logging.getLogger(__name__)


def chosen(tx: CallTx, pending: PendingForward) -> Verb:
    """What is done with the caller's leg."""
    wanted = transfer_plan.read(pending.destination).verb
    return Verb.DIAL if _problem(tx, pending) else wanted


def tell_dialled(tx: CallTx, pending: PendingForward) -> None:
    """Log why a verb has no effect."""
    if why := _problem(tx, pending):
        verb = transfer_plan.read(pending.destination).verb
        log.warning("call %s: transferPlan.sipVerb %s has no effect: %s", tx.call.id, verb, why)


def _problem(tx: CallTx, pending: PendingForward) -> str | None:
    if transfer_plan.read(pending.destination).verb is Verb.DIAL:
        return None
    why = transfer_places.verb_problem(pending.destination, tx.carrier)
    return why or (None if _is_sip(tx.call) else NO_SIP_LEG)


def _is_sip(call: Call) -> bool:
    return call.facts.sip_leg or (call.type == OUTBOUND and bool(call.facts.customer.get("sipUri")))
