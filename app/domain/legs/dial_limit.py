"""The limit of what is dialled in an hour with one API key: calls, and minutes of calls.

It bounds the bill of a stolen key, and of an assistant that is talked into transfers. A forward
counts for the key that created the call, and for the organisation if none did. A leg takes the
longest that it may last, and gives back the rest at its end. Later the rest would have leaked, and
others would get what they are not due.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from app.domain.assistant import transfer_plan
from app.domain.calls.apply import Change, earlier
from app.domain.calls.create import OUTBOUND
from app.domain.calls.record import CallTx
from app.domain.calls.shown_number import shown
from app.domain.context import Context
from app.domain.errors import TooMany
from app.domain.legs import warm_steps
from app.domain.legs.warm_steps import Step
from app.domain.reporting import transfers
from app.settings import Settings
from app.store import dial_limits
from app.store.dial_limits import MICROSECOND, Cost
from providers.common.json_types import JsonObject
from providers.events import CallEvent, EventKind

HOUR = timedelta(hours=1)
BEFORE = (Step.RINGING, Step.ANSWERED)
"""Steps of an operator's leg before the caller comes. A talk is asked for apart."""

log = logging.getLogger(__name__)


class Leg(NamedTuple):
    """A leg that we dialled: the longest it could last, and how long it did."""

    longest: timedelta
    talked: timedelta


class Refusal(NamedTuple):
    """Why a leg may not be dialled now."""

    limit: str
    """Of which of the two: ``calls`` or ``minutes``."""
    sentence: str
    retry_after: int


def reserve_call(tx: CallTx) -> None:
    """Count a call that we dial, in the transaction that creates it, or in which it is due.

    Raises ``TooMany``.
    """
    refusal = _reserve(tx, tx.call.max_duration)
    if refusal is not None:
        note_refusal(tx.context, refusal.limit, tx.call.facts.customer, refusal.sentence)
        raise TooMany(refusal.sentence, refusal.retry_after)


def forward_problem(tx: CallTx, destination: JsonObject) -> str | None:
    """Count a forward. Returns why it exceeds a limit, as a sentence, and then counts nothing."""
    refusal = _reserve(tx, longest_forward(tx.context.settings, destination))
    if refusal is None:
        return None
    note_refusal(tx.context, refusal.limit, destination, refusal.sentence)
    return refusal.sentence


def longest_forward(settings: Settings, destination: JsonObject, briefing: str = "") -> float:
    """Seconds that a destination's leg may last.

    An operator's leg rings, and is spoken to, before the caller comes.
    """
    plan = transfer_plan.read(destination)
    if not plan.is_warm:
        return settings.max_forward_seconds
    told = (warm_steps.longest(step, plan, briefing) or 0.0 for step in BEFORE)
    talk = plan.talk_seconds if plan.assistant else 0.0
    return settings.max_forward_seconds + sum(told) + talk


def text_problem(tx: CallTx, destination: JsonObject) -> str | None:
    """Count a text message as a call without minutes. Returns why it exceeds the limit."""
    refusal = _reserve(tx, 0)
    if refusal is None:
        return None
    note_refusal(tx.context, refusal.limit, destination, refusal.sentence)
    return refusal.sentence


def give_back(change: Change) -> None:
    """The reaction to a call's end: give back the minutes that its legs have not used.

    A forward whose outcome is known has given back already.
    """
    over = _over(change.log)
    forwards = (leg for forward, leg in _forwards(change) if forward not in over)
    _give_back(change, [*_own_leg(change), *forwards])


def give_back_forward(change: Change) -> None:
    """The reaction to a forward's first outcome: give back the minutes that it has not used."""
    if change.late:
        return
    over = _over(change.added).keys() - _over(earlier(change.log, change.added)).keys()
    _give_back(change, [leg for forward, leg in _forwards(change) if forward in over])


def _give_back(change: Change, legs: Sequence[Leg]) -> None:
    tx, settings = change.tx, change.tx.context.settings
    unused = timedelta()
    for longest, talked in legs:
        left = _minutes_cost(settings, longest) - _minutes_cost(settings, min(longest, talked))
        unused += left
    if unused:
        dial_limits.give_back(tx.conn, _owner(tx), unused)


def used(context: Context, conn: Connection, owner: str) -> tuple[float, float]:
    """The parts of both limits that this owner has used: of the calls, and of their minutes."""
    now, found = context.now(), dial_limits.buckets(conn, owner)
    calls, minutes = (max(timedelta(), empty - now) / HOUR for empty in found)
    return calls, minutes


def note_refusal(context: Context, reason: str, destination: JsonObject, sentence: str) -> None:
    """Tell the operator of a leg that is not dialled: a line of the log, and a count."""
    context.count_refused_dial(reason)
    log.warning("not dialled: %s: %s", shown(context.settings, destination), sentence)


def _owner(tx: CallTx) -> str:
    return tx.call.facts.key_id or tx.call.org_id


def _reserve(tx: CallTx, seconds: float) -> Refusal | None:
    """Take a call and its longest duration, as far as it is within the hour."""
    settings, now = tx.context.settings, tx.context.now()
    cost = Cost(_calls_cost(settings), _minutes_cost(settings, _longest(seconds)))
    if not any(cost) or dial_limits.take(tx.conn, _owner(tx), now, cost, HOUR):
        return None
    found = dial_limits.buckets(tx.conn, _owner(tx))
    waits = {
        "calls": found.calls + cost.calls - HOUR - now,
        "minutes": found.minutes + cost.minutes - HOUR - now,
    }
    limit = max(waits, key=lambda name: waits[name])
    wait = max(1, math.ceil(waits[limit].total_seconds()))
    return Refusal(limit, _sentence(settings, limit, wait), wait)


def _sentence(settings: Settings, limit: str, wait: int) -> str:
    name, most = (
        ("DIAL_LIMIT_PER_HOUR", f"{settings.dial_limit_per_hour} calls")
        if limit == "calls"
        else ("DIAL_MINUTES_PER_HOUR", f"{settings.dial_minutes_per_hour} minutes")
    )
    return (
        f"More than {most} an hour would be dialled and forwarded with one API key: "
        f"try again in {wait} s, or raise `{name}`"
    )


def _calls_cost(settings: Settings) -> timedelta:
    return HOUR // settings.dial_limit_per_hour if settings.dial_limit_per_hour else timedelta()


def _minutes_cost(settings: Settings, talked: timedelta) -> timedelta:
    """The part of the hour's bucket: all of it for more than the limit.

    Rounded down, so that the last leg fits.
    """
    if not settings.dial_minutes_per_hour:
        return timedelta()
    most = timedelta(minutes=settings.dial_minutes_per_hour) // MICROSECOND
    part = (HOUR // MICROSECOND) * (talked // MICROSECOND) // most
    return min(HOUR, timedelta(microseconds=part))


def _longest(seconds: float) -> timedelta:
    return min(HOUR, timedelta(seconds=seconds))


def _own_leg(change: Change) -> Iterator[Leg]:
    """The leg of a call that we dialled."""
    call, state = change.tx.call, change.state
    dialled = "schedulePlan" not in call.body or call.facts.due_at is not None
    ended = state.ended_at or change.tx.context.now()
    if call.type == OUTBOUND and not call.bypass and dialled:
        yield Leg(_longest(call.max_duration), _between(state.started_at or ended, ended))


def _forwards(change: Change) -> Iterator[tuple[str, Leg]]:
    """The forwards of a call by their ids. One without an outcome lasts until the call's end."""
    call, ended = change.tx.call, change.state.ended_at or change.tx.context.now()
    over = _over(change.log)
    started = [event for event in change.log if event.kind is EventKind.FORWARD_STARTED]
    told: Sequence[JsonObject] = call.body.get(transfers.FIELD, ())
    for event, transfer in zip(started, told, strict=False):
        longest = longest_forward(change.tx.context.settings, transfer["destination"])
        forward = event.data["forward"]
        yield forward, Leg(_longest(longest), _between(event.at, over.get(forward, ended)))


def _over(log: Iterable[CallEvent]) -> dict[str | None, datetime]:
    """When each forward ended or failed, by its id."""
    outcomes = (event for event in log if event.kind in transfers.OUTCOMES)
    return {event.data.get("forward"): event.at for event in outcomes}


def _between(start: datetime, end: datetime) -> timedelta:
    """Carriers' clocks and ours may differ: no length is negative."""
    return max(timedelta(), end - start)
