"""The carrier's price of a call's legs, read from its API if no webhook states it.

A carrier may set a price hours after the end.
The first request is PRICE_SECONDS after the end, and ``TIMES`` has the later ones.
The requests stop once every leg has a price. Each price is stored as an event.
The end-of-call report is not sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from app.domain.calls import record
from app.domain.calls.apply import Change, apply_events
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.costs import items as costs
from app.store import accounts, events
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient, LegState
from providers.errors import CarrierError, NotConfigured
from providers.events import CallEvent, CallStatus, EventKind

JOB = "price"
TIMES = (
    1,  # 30 s, with the setting's default
    10,  # 5 minutes
    120,  # an hour
    720,  # 6 hours
    2880,  # a day; then the price stays unknown
)
"""The times of the requests after the end, in units of PRICE_SECONDS."""

log = logging.getLogger(__name__)


def add_price(change: Change) -> None:
    """Add the prices of these events to the call's ``costs``.

    A price in a currency without a rate becomes a note in the event log.
    """
    tx = change.tx
    now, rates = tx.context.now(), tx.context.settings.currency_rates
    for note in costs.without_rate(change.added, rates, now):
        events.append(tx.conn, tx.call.id, note, now)
    changed = costs.of_legs(tx.call.body, change.added, tx.call.provider, rates)
    tx.update(body={**tx.call.body, **changed}, updated_at=now)


def ask_later(change: Change) -> None:
    """Queue the job that asks for the leg's price, unless a webhook has stated it.

    It runs after the ended reason is settled, when no callback of the carrier waits for us.
    """
    tx, call = change.tx, change.tx.call
    wait, leg = tx.context.settings.price_seconds, call.facts.leg_ref
    if leg and wait and not costs.priced(call.body, leg):
        over = (tx.context.now() - call.ended_at).total_seconds() if call.ended_at else 0.0
        key, payload, lock = f"{JOB}:{call.id}", {"callId": call.id}, f"leg:{call.id}"
        delay = max(0.0, wait - over)
        tx.context.jobs.enqueue(tx.conn, JOB, key, payload, delay=delay, lock=lock)


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``price``. It runs until all prices are known or ``TIMES`` ends."""
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
        client = client_of(context, call, credential)
        told, left = _ask(context, call, client, legs)
    except WrongKey as error:  # its operator may set the key back
        log.error("call %s: its price cannot be asked for: %s", call_id, error)
        return _wait(context, call)
    except NotConfigured as error:  # an account without API access is valid: bypass mode
        log.info(
            "call %s: its price cannot be asked for: %s", call_id, error, extra={"callId": call_id}
        )
        return None
    _record(context, call_id, told)
    return _wait(context, call) if left else None


def _unpriced(call: Call, history: Sequence[CallEvent]) -> list[str]:
    """The call's own leg and the legs of its forwards that have no price yet."""
    forwards = (event.data.get("forwardLegRef") for event in history)
    legs = dict.fromkeys((call.facts.leg_ref, *forwards))
    return [leg for leg in legs if leg and not costs.priced(call.body, leg)]


def _ask(
    context: Context, call: Call, client: CarrierClient, legs: Sequence[str]
) -> tuple[list[CallEvent], list[str]]:
    """The new prices, and the legs that may get a price later. Raises ``NotConfigured``."""
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
        elif state:  # a leg that the carrier does not know gets no price
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
    """Seconds until the next request; None after the last. ``TIMES`` count from the settled end."""
    since = (context.now() - call.settled_at).total_seconds() if call.settled_at else 0.0
    times = (unit * context.settings.price_seconds for unit in TIMES)
    return next((time - since for time in times if time > since), None)
