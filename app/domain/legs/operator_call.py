"""The jobs about an operator's leg: dial it once, look after it, hang it up.

A create-call request cannot be repeated, so an event is stored before it. After a crash, a job that
finds this event does not dial again. The leg's webhooks go on with the transfer, or the watch ends
it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.domain.assistant import transfer_plan
from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.carrier_client import client_of
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import destinations, dial_limit, operator, operator_talk, transfer, warm_jobs
from app.domain.legs.forward_events import forward_event
from app.domain.legs.warm_steps import LOOK_SECONDS, Step, progress
from app.store import accounts, events
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient, OperatorCall, PlacedCall
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError
from providers.events import CallEvent, EventKind

RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One create-call request, whose event is committed before it is sent."""

    call_id: str
    forward_id: str
    order: OperatorCall
    client: CarrierClient = field(repr=False)


def dial(context: Context, payload: Mapping[str, str]) -> None:
    """Handler of the job ``dial-operator``."""
    try:
        attempt = _begin(context, payload["callId"], payload["forward"])
        if attempt is None:
            return
        placed = attempt.client.dial_operator(attempt.order)
    except (ProviderError, WrongKey) as error:
        _refused(context, payload, error)
    else:
        _accepted(context, attempt, placed)


def _begin(context: Context, call_id: str, forward_id: str) -> Attempt | None:
    """Store the attempt. None when the transfer is over, or the operator was perhaps dialled.

    Raises ``NotConfigured`` and ``WrongKey`` for an account that cannot dial.
    """
    with waiting(context, call_id, forward_id) as found:
        if found is None:
            return None
        tx, pending = found
        if progress(events.of_call(tx.conn, call_id), forward_id).step is not Step.HELD:
            return None
        client = client_of(context, tx.call, _credential(tx))
        order = _order(tx, pending)
        event = forward_event(context, EventKind.OPERATOR_DIALLED, forward_id, to=order.to)
        apply_events(tx, [event])
        warm_jobs.watch(tx, pending, Step.DIALLED)
        return Attempt(call_id, forward_id, order, client)


def _accepted(context: Context, attempt: Attempt, placed: PlacedCall) -> None:
    """Store the operator's leg. The leg of a transfer that is over meanwhile is hung up."""
    with _locked(context, attempt.call_id) as tx:
        if tx is None:
            return
        event = CallEvent(
            EventKind.OPERATOR_RINGING,
            at=context.now(),
            key=f"operator.placed:{attempt.forward_id}",
            source=tx.call.provider,
            data={"forward": attempt.forward_id, "forwardLegRef": placed.leg_ref},
        )
        apply_events(tx, [event])
        if pending := operator.awaited(tx, attempt.forward_id):
            warm_jobs.watch(tx, pending, Step.RINGING)
        else:
            warm_jobs.hang_up(tx, attempt.forward_id)


def _refused(context: Context, payload: Mapping[str, str], error: ProviderError | WrongKey) -> None:
    """Give the caller back if nothing rings. After any other failure the watch decides."""
    if isinstance(error, CarrierError) and not (error.permanent or error.busy):
        log.warning("call %s: the operator may not be dialled: %s", payload["callId"], error)
        return
    with waiting(context, payload["callId"], payload["forward"]) as found:
        if found is not None:
            operator.fail(*found, operator.FAILED, str(error))


def watch(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``watch-transfer``: end a transfer whose step takes too long.

    Returns the seconds until it looks again, or None.
    """
    step = Step(payload["step"])
    with waiting(context, payload["callId"], payload["forward"]) as found:
        if found is None:
            return None
        tx, pending = found
        log_of_call = events.of_call(tx.conn, tx.call.id)
        known = progress(log_of_call, pending.id)
        if known.step is not step:
            return None
        if step is Step.TALKING or known.hears_last_words:
            return _look(tx, pending)
        if step is not Step.BRIEFED:
            outcome = operator.NO_ANSWER if step is Step.RINGING else operator.FAILED
            operator.fail(tx, pending, outcome)
            return None
    return _ask(context, payload)


def _look(tx: CallTx, pending: PendingForward) -> float | None:
    """End a talk that is too long, or whose process was killed; else look again."""
    left = operator_talk.seconds_left(tx, pending)
    if operator_talk.is_deserted(tx, pending):
        operator.fail(tx, pending, operator.FAILED)
    elif left <= 0:
        operator.fail(tx, pending, operator_talk.TOO_LONG)
    else:
        return min(left, LOOK_SECONDS)
    return None


def _ask(context: Context, payload: Mapping[str, str]) -> float | None:
    """Ask the carrier about both legs of a transfer whose last event did not come.

    Returns the seconds until it is asked again, if it may answer then.
    """
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        if call is None:
            return None
        known = progress(events.of_call(conn, call.id), payload["forward"])
        credential = _credential(CallTx(context, conn, call))
    try:
        client = client_of(context, call, credential)
        caller = _ended(client, call, call.facts.leg_ref)
        theirs = _ended(client, call, known.operator_ref)
    except (ProviderError, WrongKey) as error:
        log.warning("call %s: its transfer is not known: %s", call.id, error)
        may_answer = isinstance(error, CarrierError) and not error.permanent
        return LOOK_SECONDS if may_answer else None
    with waiting(context, call.id, payload["forward"]) as found:
        if found is None:
            return None
        if caller:
            apply_events(found[0], caller)
        elif theirs:
            operator.fail(*found, operator.FAILED)
        else:
            operator.joined(*found, source=call.provider)
    return None


def hang_up(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``hang-up-operator``. A leg that is over already counts as hung up."""
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        if call is None:
            return None
        log_of_call = events.of_call(conn, call.id)
        known = progress(log_of_call, payload["forward"])
        if known.outcome or known.operator_ref is None:
            return None
        credential = _credential(CallTx(context, conn, call))
    try:
        client = client_of(context, call, credential)
        client.hang_up(known.operator_ref, api_url=call.facts.api_url)
    except CarrierError as error:
        return None if error.permanent or error.gone else RETRY_SECONDS
    except (NotConfigured, WrongKey) as error:
        log.error("call %s: its operator cannot be hung up: %s", call.id, error)
    return None


def _order(tx: CallTx, pending: PendingForward) -> OperatorCall:
    destination, plan = pending.destination, transfer_plan.read(pending.destination)
    extension, briefing = destination.get("extension"), pending.briefing or ""
    return OperatorCall(
        to=destinations.address(destination),
        from_=destination.get("callerId") or tx.call.facts.number or "",
        answer_url=transfer.hook_url(tx, pending, HookKind.OPERATOR),
        status_url=transfer.hook_url(tx, pending, HookKind.OPERATOR_STATUS),
        max_duration=int(dial_limit.longest_forward(tx.context.settings, destination, briefing)),
        ring_seconds=plan.ring_seconds,
        extension=destinations.keys(extension) if extension else None,
        detects_machine=plan.detects_machine,
        sip_headers=destinations.sip_headers(destination, None),
    )


def _ended(client: CarrierClient, call: Call, ref: str | None) -> list[CallEvent]:
    """The events of a leg's end, from the carrier's API; none while it is up."""
    state = client.fetch(ref, api_url=call.facts.api_url) if ref else None
    told = state.events if state else ()
    return [event for event in told if event.kind is EventKind.LEG_ENDED]


def _credential(tx: CallTx) -> JsonObject | None:
    return accounts.get_credential(tx.conn, tx.call.credential_id)


@contextmanager
def _locked(context: Context, call_id: str) -> Iterator[CallTx | None]:
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True, log=True)
        yield CallTx(context, conn, call) if call else None


@contextmanager
def waiting(
    context: Context, call_id: str, forward_id: str
) -> Iterator[tuple[CallTx, PendingForward] | None]:
    """The call in a transaction, if it waits for this transfer."""
    with _locked(context, call_id) as tx:
        pending = operator.awaited(tx, forward_id) if tx else None
        yield (tx, pending) if tx and pending else None
