"""What a carrier takes for a call's legs, where its webhooks do not tell: its API is asked, later.

A price may be fixed hours after the end. The API is asked PRICE_SECONDS after it and again later
(``TIMES``), until the price of every leg is told. What it says is an event like any other; the
call's report, which may be out by then, is not sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from app.domain.calls import record
from app.domain.calls.apply import Change, apply_events
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.costs import items as costs
from app.store import accounts, events
from providers.base.rest import CarrierClient, LegState
from providers.errors import CarrierError, NotConfigured
from providers.events import CallEvent, CallStatus, EventKind

JOB = "price"
TIMES = (
    1,  # 30 s, of the setting's default
    10,  # 5 minutes
    120,  # an hour
    720,  # 6 hours
    2880,  # a day; what is not told by then is not asked for any more
)
"""When the API is asked, after the end, in units of PRICE_SECONDS."""

log = logging.getLogger(__name__)


def add_price(change: Change) -> None:
    """Put the prices that these events state into the call's ``costs``.

    A price in a currency without a rate is noted in the event log.
    """
    tx = change.tx
    now, rates = tx.context.now(), tx.context.settings.currency_rates
    for note in costs.without_rate(change.added, rates, now):
        events.append(tx.conn, tx.call.id, note, now)
    changed = costs.of_legs(tx.call.body, change.added, tx.call.provider, rates)
    tx.update(body={**tx.call.body, **changed}, updated_at=now)


def ask_later(change: Change) -> None:
    """Have the carrier's API asked what the call's leg cost, unless a webhook has said it."""
    call, delay = change.tx.call, change.tx.context.settings.price_seconds
    leg = call.facts.leg_ref
    if leg and delay and not costs.priced(call.body, leg):
        key, payload = f"{JOB}:{call.id}", {"callId": call.id}
        lock = f"leg:{call.id}"
        change.tx.context.jobs.enqueue(change.tx.conn, JOB, key, payload, delay=delay, lock=lock)


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``price``; runs again until all is told, or the last time is over."""
    call_id = payload["callId"]
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or call.status != CallStatus.ENDED:
            return None
        history = events.of_call(conn, call_id)
        credential = accounts.get_credential(conn, call.credential_id)
    legs = _unpriced(call, history)
    if not legs or credential is None:
        return None
    try:
        client = context.providers[call.provider].client(context.account(credential))
        told, left = _ask(context, call, client, legs)
    except NotConfigured as error:  # an account without access to the API is no fault
        log.info(
            "call %s: its price cannot be asked for: %s", call_id, error, extra={"callId": call_id}
        )
        return None
    _record(context, call_id, told)
    return _wait(context, call) if left else None


def _unpriced(call: Call, history: Sequence[CallEvent]) -> list[str]:
    """The phone's leg and those of forwards, as far as nobody told what they cost."""
    forwards = (event.data.get("forwardLegRef") for event in history)
    legs = dict.fromkeys((call.facts.leg_ref, *forwards))
    return [leg for leg in legs if leg and not costs.priced(call.body, leg)]


def _ask(
    context: Context, call: Call, client: CarrierClient, legs: Sequence[str]
) -> tuple[list[CallEvent], list[str]]:
    """What is told, and the legs that may be told of later. Raises ``NotConfigured``."""
    told, left = [], []
    for leg in legs:
        try:
            state = client.fetch(leg, api_url=call.facts.api_url)
        except CarrierError as error:
            log.info(
                "call %s: the price of %s is not known: %s",
                call.id,
                leg,
                error,
                extra={"callId": call.id},
            )
            left += [] if error.permanent else [leg]
            continue
        event = _price(context, call, leg, state) if state else None
        if event:
            told.append(event)
        elif state:  # a leg the carrier does not know has no price
            left.append(leg)
    return told, left


def _price(context: Context, call: Call, leg: str, state: LegState) -> CallEvent | None:
    for event in state.events:
        if "price" in event.data:
            facts = {name: event.data.get(name) for name in ("price", "durationSeconds")}
            return CallEvent(
                EventKind.NOTE,
                at=context.now(),
                key=f"price:{leg}",
                source=call.provider,
                data={"what": "price", **{k: v for k, v in facts.items() if v is not None}},
                raw=event.raw,
            )
    return None


def _record(context: Context, call_id: str, told: Sequence[CallEvent]) -> None:
    if told:
        with context.store.write() as conn:
            found = record.get(conn, call_id, lock=True)
            if found is not None:
                apply_events(CallTx(context, conn, found), told)


def _wait(context: Context, call: Call) -> float | None:
    """Seconds until the next time; None after the last. They count from when the end was settled."""
    since = (context.now() - call.settled_at).total_seconds() if call.settled_at else 0.0
    times = (unit * context.settings.price_seconds for unit in TIMES)
    return next((time - since for time in times if time > since), None)
