"""Calls we place ourselves: checked when they are created, dialled by a job, never dialled twice.

A carrier's create-call cannot be repeated: the one that timed out may be ringing. So an event
says that it is about to be made, committed before it is. A job that finds this event dials again
only after the carrier's own word that it did nothing; else the call waits for the leg's callbacks,
which name it by their token, and for the watchdog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls import instructions
from app.domain.calls.apply import apply_events
from app.domain.calls.create import INBOUND
from app.domain.context import Context, Row
from app.domain.errors import Invalid
from app.domain.legs import adopt, destinations, hangup
from app.store import accounts, calls, events
from providers.base.rest import CarrierClient, OutboundCall, PlacedCall
from providers.base.webhook import HookKind, Leg
from providers.errors import CarrierError, ProviderError
from providers.events import CallEvent, CallStatus, EventKind

JOB = "dial"
SECRET = "dial"  # noqa: S105 - where a call keeps the tokens of the document it will be dialled with
BUSY_SECONDS = (
    1.0,  # one carrier takes three calls a second
    2.0,
    4.0,
    8.0,
    15.0,
)
"""Waits after the carrier's word that it has no time for a call; after the last the call fails."""

NO_CUSTOMER = "Need `customer.number` Or `customer.sipUri`: There Is Nobody To Call."
NO_INBOUND = (
    "type inboundPhoneCall needs phoneCallProviderBypassEnabled: true, for nobody is dialled"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dialling, committed before it is made."""

    number: int
    call_id: str
    order: OutboundCall
    client: CarrierClient = field(repr=False)
    credential: Mapping[str, Any] = field(repr=False)


def check(context: Context, conn: Connection, row: Row) -> None:
    """Refuse a call that has nobody to dial, or somebody who may not be dialled. Raises ``Invalid``."""
    customer = row["resolved"]["customer"]
    if row["type"] == INBOUND:
        raise Invalid(NO_INBOUND)
    if not (customer.get("number") or customer.get("sipUri")):
        raise Invalid(NO_CUSTOMER)
    problem = destinations.customer_problem(context, conn, row)
    if problem:
        raise Invalid(problem)


def prepare(
    context: Context, row: Row, tokens: Mapping[str, str], credential: Mapping[str, Any]
) -> None:
    """Refuse what the carrier would, as far as that is known without asking it. Raises ``Invalid``."""
    try:
        client = context.providers[row["provider"]].client(context.account(credential))
        client.prepare(_order(context, row, tokens))
    except ProviderError as error:
        raise Invalid(str(error)) from error


def start(context: Context, conn: Connection, row: Row) -> None:
    """Have it dialled as soon as this transaction is committed."""
    payload = {"callId": row["id"]}
    context.jobs.enqueue(conn, JOB, f"{JOB}:{row['id']}", payload, lock=f"leg:{row['id']}")


def run(context: Context, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job."""
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
    """Whether the carrier was asked to dial and has not said that it did nothing."""
    told = [event.data.get("what") for event in log if event.kind is EventKind.NOTE]
    return told.count("dial") > told.count("dial-busy")


def _begin(context: Context, call_id: str) -> Attempt | None:
    """None when the call is over or deleted, or may have been dialled before."""
    with context.store.write() as conn:
        found = calls.get(conn, call_id, lock=True)
        if found is None or found["status"] == CallStatus.ENDED:
            return None
        row, log = dict(found), events.of_call(conn, call_id)
        credential = accounts.get_credential(conn, row["credential_id"])
        if unanswered(log) or credential is None:
            return None
        number = 1 + sum(event.data.get("what") == "dial" for event in log)
        order = _order(context, row, context.vault.open(row["secret"])[SECRET])
        client = context.providers[row["provider"]].client(context.account(credential))
        _note(context, conn, row, f"dial:{number}", {"what": "dial", "to": order.to})
        return Attempt(number, call_id, order, client, credential)


def _accepted(context: Context, attempt: Attempt, dialed: PlacedCall) -> None:
    """The leg is ours. A call that was ended or deleted meanwhile has it hung up."""
    with context.store.write() as conn:
        found = calls.get(conn, attempt.call_id, lock=True)
        if found is None:
            hangup.enqueue_lost_leg(
                context, conn, attempt.call_id, dialed.leg_ref, attempt.credential
            )
            return
        row = dict(found)
        also = adopt.bind_leg(conn, row, Leg(dialed.call_ref, dialed.leg_ref, inbound=False))
        event = CallEvent(
            EventKind.LEG_QUEUED, at=context.now(), key="dialed", source=row["provider"]
        )
        apply_events(context, conn, row, [event], also)


def _failed(context: Context, attempt: Attempt, error: ProviderError) -> float | None:
    """Nothing was done: later again. Refused: the end. Else it may ring: the call stays open."""
    busy = isinstance(error, CarrierError) and error.busy
    again = busy and attempt.number <= len(BUSY_SECONDS)
    unknown = isinstance(error, CarrierError) and not error.permanent and not busy
    with context.store.write() as conn:
        found = calls.get(conn, attempt.call_id, lock=True)
        if found is None:
            return None
        row = dict(found)
        if again or unknown:
            what = "dial-busy" if again else "dial-unknown"
            _note(
                context, conn, row, f"{what}:{attempt.number}", {"what": what, **error_text(error)}
            )
            return BUSY_SECONDS[attempt.number - 1] if again else None
        fail(context, conn, row, f"dial-refused:{attempt.number}", error_text(error))
        return None


def fail(context: Context, conn: Connection, row: Row, key: str, told: Mapping[str, Any]) -> None:
    """The leg never came to be; ``told["error"]`` is shown as the call's ``endedMessage``."""
    reason = context.providers[row["provider"]].connect_failed
    event = CallEvent(
        EventKind.LEG_ENDED, context.now(), key, source=row["provider"], reason=reason, data=told
    )
    over = row["status"] == CallStatus.ENDED
    also = None if over else {"body": {**row["body"], "endedMessage": told["error"]}}
    apply_events(context, conn, row, [event], also)


def error_text(error: ProviderError) -> dict[str, Any]:
    """The carrier's text and code, for the event log."""
    code = error.code if isinstance(error, CarrierError) else None
    return {"error": str(error), **({"code": code} if code else {})}


def _order(context: Context, row: Mapping[str, Any], tokens: Mapping[str, str]) -> OutboundCall:
    customer, provider = row["resolved"]["customer"], context.providers[row["provider"]]
    return OutboundCall(
        to=customer.get("sipUri") or customer["number"],
        from_=row["resolved"]["number"],
        connect=instructions.connect(context, row, tokens),
        status_url=instructions.hook_url(
            context, provider, HookKind.STATUS, tokens[instructions.CALLBACK]
        ),
        # Ours is the exact timer; the carrier's counts a forward in, and is for when we are gone.
        max_duration=row["max_duration"] + context.settings.max_forward_seconds,
        extension=customer.get("extension"),
        machine=instructions.machine_detection(context, row, tokens),
    )


def _note(context: Context, conn: Connection, row: Row, key: str, data: Mapping[str, Any]) -> None:
    event = CallEvent(EventKind.NOTE, at=context.now(), key=key, data=data)
    apply_events(context, conn, row, [event])
