"""Outbound calls: checked at their creation, dialled by a job, never dialled twice.

A create-call request cannot be repeated, because the phone may ring after a timeout.
So an event is stored before each request.
A job that finds this event dials again only if the carrier said that it did nothing.
Otherwise the call waits for the leg's callbacks, whose token identifies it.
Without them the watchdog looks for the leg at the carrier (``unconfirmed.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.calls import instructions, record
from app.domain.calls.apply import apply_events
from app.domain.calls.carrier_client import client_of
from app.domain.calls.create import INBOUND
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.legs import adopt, destinations, dial_limit, hangup
from app.store import accounts, events
from app.store.again import one_transaction
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient, OutboundCall, PlacedCall
from providers.base.webhook import HookKind, Leg
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

JOB = "dial"
BUSY_SECONDS = (
    1.0,  # one carrier accepts only three calls a second
    2.0,
    4.0,
    8.0,
    15.0,
)
"""The waits after the carrier's rate limit refused a call. After the last the call fails."""

NO_CUSTOMER = "Need `customer.number` Or `customer.sipUri`: There Is Nobody To Call."
NO_INBOUND = (
    "type inboundPhoneCall needs phoneCallProviderBypassEnabled: true, for nobody is dialled"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One create-call request, whose event is committed before it is sent."""

    number: int
    call_id: str
    order: OutboundCall
    client: CarrierClient = field(repr=False)
    credential: JsonObject = field(repr=False)


def check(tx: CallTx) -> None:
    """Refuse a call whose customer is missing or may not be dialled. Raises ``Invalid``."""
    customer = tx.call.facts.customer
    if tx.call.type == INBOUND:
        raise Invalid(NO_INBOUND)
    if not (customer.get("number") or customer.get("sipUri")):
        raise Invalid(NO_CUSTOMER)
    problem = destinations.customer_problem(tx)
    if problem:
        dial_limit.note_refusal(tx.context, "destination", customer, problem)
        raise Invalid(problem)


def prepare(context: Context, call: Call, credential: JsonObject) -> None:
    """Refuse a call that the carrier would certainly refuse. Raises ``Invalid``; no request."""
    try:
        client_of(context, call, credential).prepare(_order(context, call))
    except ProviderError as error:
        raise Invalid(str(error)) from error


def start(tx: CallTx) -> None:
    """Queue the job that dials the call after the commit."""
    payload = {"callId": tx.call.id}
    tx.context.jobs.enqueue(tx.conn, JOB, f"{JOB}:{tx.call.id}", payload, lock=f"leg:{tx.call.id}")


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``dial``."""
    attempt = _begin(context, payload["callId"])
    if attempt is None:
        return None
    try:
        dialed = attempt.client.dial(attempt.order)
    except ProviderError as error:
        return _failed(context, attempt, error)
    _accepted(context, attempt, dialed)
    return None


def unanswered(log: Iterable[CallEvent]) -> bool:
    """Whether a create-call request was sent that may have created a leg."""
    told = [event.data.get("what") for event in log if event.kind is EventKind.NOTE]
    return told.count("dial") > told.count("dial-busy")


@one_transaction
def _begin(context: Context, call_id: str) -> Attempt | None:
    """Store the attempt.

    None when the call is over, deleted, or perhaps dialled before. A call whose account cannot
    dial is over then.
    """
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True)
        if call is None or call.status == CallStatus.ENDED:
            return None
        log = events.of_call(conn, call_id)
        if unanswered(log):
            return None
        tx = CallTx(context, conn, call)
        number = 1 + sum(event.data.get("what") == "dial" for event in log)
        order = _order(context, call)
        try:
            credential = _account(tx)
            client = client_of(context, call, credential)
        except (NotConfigured, WrongKey) as error:
            fail(tx, f"dial-refused:{number}", {"error": str(error)})
            return None
        _note(tx, f"dial:{number}", {"what": "dial", "to": order.to})
        return Attempt(number, call_id, order, client, credential)


def _account(tx: CallTx) -> JsonObject:
    """The account's row. Raises ``NotConfigured``."""
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    if credential is None:
        raise NotConfigured("The carrier account was deleted.")
    return credential


@one_transaction
def _accepted(context: Context, attempt: Attempt, dialed: PlacedCall) -> None:
    """Bind the leg to its call. The leg of a call that has ended meanwhile is hung up."""
    with context.store.write() as conn:
        found = record.get(conn, attempt.call_id, lock=True)
        if found is None:
            hangup.enqueue_lost_leg(
                context, conn, attempt.call_id, dialed.leg_ref, attempt.credential
            )
            return
        tx = CallTx(context, conn, found)
        bind(tx, Leg(dialed.call_ref, dialed.leg_ref, inbound=False))


def bind(tx: CallTx, leg: Leg, news: Sequence[CallEvent] = ()) -> None:
    """Bind the leg that the carrier has placed, with what is known of it."""
    queued = CallEvent(
        EventKind.LEG_QUEUED, at=tx.context.now(), key="dialed", source=tx.call.provider
    )
    apply_events(tx, [queued, *news], adopt.bind_leg(tx, leg))


@one_transaction
def _failed(context: Context, attempt: Attempt, error: ProviderError) -> float | None:
    """Retry a rate-limited request later, and end a refused call.

    After any other failure the phone may ring, so the call stays open.
    """
    busy = isinstance(error, CarrierError) and error.busy
    again = busy and attempt.number <= len(BUSY_SECONDS)
    unknown = isinstance(error, CarrierError) and not error.permanent and not busy
    with context.store.write() as conn:
        found = record.get(conn, attempt.call_id, lock=True)
        if found is None:
            return None
        tx = CallTx(context, conn, found)
        if again or unknown:
            what = "dial-busy" if again else "dial-unknown"
            _note(tx, f"{what}:{attempt.number}", {"what": what, **error_data(error)})
            return BUSY_SECONDS[attempt.number - 1] if again else None
        fail(tx, f"dial-refused:{attempt.number}", error_data(error))
        return None


def fail(tx: CallTx, key: str, data: JsonObject, reason: EndedReason | None = None) -> None:
    """End a call without a leg. ``data["error"]`` becomes its ``endedMessage``.

    ``reason``: the carrier's "failed to connect" by default.
    """
    event = CallEvent(
        EventKind.LEG_ENDED,
        tx.context.now(),
        key,
        source=tx.call.provider,
        reason=reason or tx.carrier.connect_failed,
        data=data,
    )
    over = tx.call.status == CallStatus.ENDED
    shown = {**tx.call.body, "endedMessage": data["error"]}
    also: Changes = {} if over else {"body": shown}
    apply_events(tx, [event], also)


def error_data(error: ProviderError) -> JsonDict:
    """The carrier's text and code, for the event log."""
    code = error.code if isinstance(error, CarrierError) else None
    return {"error": str(error), **({"code": code} if code else {})}


def _order(context: Context, call: Call) -> OutboundCall:
    customer, provider = call.facts.customer, context.providers[call.provider]
    tokens = instructions.first_tokens(context, call)
    return OutboundCall(
        to=customer.get("sipUri") or destinations.number_of(customer),
        from_=call.facts.number or "",
        connect=instructions.connect(context, call, tokens),
        status_url=instructions.hook_url(context, provider, HookKind.STATUS, tokens.callback),
        # Our timer is exact. The carrier's limit includes a forward: it works while we are down.
        max_duration=call.max_duration + context.settings.max_forward_seconds,
        extension=customer.get("extension"),
        machine=instructions.machine_detection(context, call, tokens),
    )


def _note(tx: CallTx, key: str, data: JsonObject) -> None:
    event = CallEvent(EventKind.NOTE, at=tx.context.now(), key=key, data=data)
    apply_events(tx, [event])
