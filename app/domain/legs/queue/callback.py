"""A caller who waits asks for a callback: a scheduled call that keeps the place in the line.

It is dialled from the number that was called, under the limits of all calls that we dial. A number
has one callback at a time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.calls import call_assistant, create, stored_resources
from app.domain.calls.create import OUTBOUND, NewCall
from app.domain.calls.record import Call, CallTx
from app.domain.context import iso
from app.domain.errors import Invalid
from app.domain.legs import outbound, scheduled
from app.store import accounts, queue
from app.store.queue import Ticket
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

KEY = "1"
"""The key to press."""
REASON = EndedReason.CUSTOMER_ENDED_CALL
"""The ended reason of the call that waited: its caller chose to leave."""
MESSAGE = "The caller asked for a callback, which is call {}."
PATIENCE = timedelta(hours=2)
"""Until when the callback may begin."""


def is_possible(tx: CallTx) -> bool:
    """Whether a callback to this caller can be promised. Writes nothing."""
    number = tx.call.facts.customer.get("number")
    if not number or tx.call.facts.number is None or queue.has_callback(tx.conn, str(number)):
        return False
    try:
        _build(tx)
    except Invalid:
        return False
    return True


def create_call(tx: CallTx) -> Call:
    """Write the scheduled call. Raises ``Invalid`` if it may not be dialled any more."""
    call, secrets = _build(tx)
    create.insert_call(CallTx(tx.context, tx.conn, call), secrets)
    return call


def create_ticket(tx: CallTx, ticket: Ticket, call: Call) -> None:
    """Give the ticket of the leg to its callback."""
    queue.add(tx.conn, replace(ticket, call_id=call.id, kind=queue.CALLBACK, offers_callback=False))


def _build(tx: CallTx) -> tuple[Call, JsonDict]:
    """The call and its secrets. Raises ``Invalid`` where it could not be dialled."""
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    if credential is None:
        raise Invalid("the carrier account of the call was deleted")
    new = _new(tx, credential)
    scheduled.check(tx.context, tx.conn, tx.call.org_id, new.body)
    call, secrets = create.build_call(tx.context, new)
    outbound.check(CallTx(tx.context, tx.conn, call))
    outbound.prepare(tx.context, call, credential)
    return call, secrets


def _new(tx: CallTx, credential: JsonObject) -> NewCall:
    call, now = tx.call, tx.context.now()
    number = call.phone_number_id and stored_resources.stored_number(
        tx.context, tx.conn, call.org_id, call.phone_number_id
    )
    customer = {"number": call.facts.customer["number"]}
    named = {"name": call.facts.customer["name"]} if call.facts.customer.get("name") else {}
    body: JsonDict = {
        "customer": {**customer, **named},
        "metadata": {**(call.body.get("metadata") or {}), "callbackOf": call.id},
        "schedulePlan": {"earliestAt": iso(now), "latestAt": iso(now + PATIENCE)},
        **{k: call.body[k] for k in ("assistant", "assistantOverrides") if k in call.body},
    }
    return NewCall(
        org_id=call.org_id,
        provider=tx.carrier,
        type=OUTBOUND,
        bypass=False,
        credential=credential,
        number=call.facts.number,
        body=body,
        assistant_id=call.assistant_id,
        customer_id=call.customer_id,
        phone_number_id=call.phone_number_id,
        assistant=call_assistant.with_secrets(tx.context, call),
        customer={**customer, **named},
        phone_number=number["body"] if number else stored_resources.NO_NUMBER,
        key_id=call.facts.key_id,
        server=stored_resources.org_server(tx.context, tx.conn, call.org_id),
    )
