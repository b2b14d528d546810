"""Apply events to a call within a transaction: append, fold, write the row, run the reactions.

Only this module changes a call's row because of an event. The reactions are in
``app/domain/reactions.py``. They are committed with the event, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from app.domain.calls import log_limit
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState, fold
from app.domain.context import Context
from app.store import events
from app.store.ids import new_id
from providers.events import LATER_REASONS, CallEvent, CallStatus, EndedReason, EventKind


class Change(NamedTuple):
    """The argument of a reaction: a changed call, and the transaction of the change."""

    tx: CallTx
    """Has the call as it is after the change."""
    before: CallStatus | None
    """The status before the change; None for a new call."""
    state: CallState
    added: Sequence[CallEvent] = ()
    """The new events of the log; none when the change only settles the ended reason."""
    log: Sequence[CallEvent] = ()
    """All events of the call, without the event that settles its ended reason now."""
    late: bool = False
    """The ended reason was settled before: the log grows, and the state does not change."""

    @property
    def kinds(self) -> AbstractSet[EventKind]:
        return {event.kind for event in self.added}

    @property
    def ended(self) -> bool:
        """Whether the call is over and has new events from before its reason was settled."""
        return self.state.status is CallStatus.ENDED and bool(self.added) and not self.late

    def is_first(self, kinds: AbstractSet[EventKind]) -> bool:
        """Whether the new events have one of these kinds, and the earlier events have none."""
        new = sum(event.kind in kinds for event in self.added)
        return 0 < new == sum(event.kind in kinds for event in self.log)


Reaction = Callable[[Change], None]
"""Runs in the transaction of a change. An exception rolls the change back."""


Effects = Callable[[Sequence[CallEvent]], Changes]
"""The changes of a call that new events cause beyond its state."""


class Folded(NamedTuple):
    """All events of a call, and the state that they prove."""

    log: Sequence[CallEvent]
    state: CallState


class Applied(NamedTuple):
    """The state after a webhook, and those of its events that are new."""

    state: CallState
    added: Sequence[CallEvent]
    received_at: datetime
    """The stored time of the new events."""
    log: Sequence[CallEvent]
    """All events of the call, the new ones too."""


def earlier(log: Iterable[CallEvent], new: Iterable[CallEvent]) -> list[CallEvent]:
    """The events of a call's log without these new ones."""
    keys = {event.key for event in new}
    return [event for event in log if event.key not in keys]


def created(tx: CallTx, state: CallState, log: Sequence[CallEvent]) -> None:
    """Run the reactions to a new call, after its row and first events are written."""
    tx.call.status = state.status
    for reaction in tx.context.reactions:  # the context's: an import would be a circle
        reaction(Change(tx, None, state, log, log))


def apply_events(tx: CallTx, new: Sequence[CallEvent], also: Changes | None = None) -> CallState:
    """Append new events, update the call, and run the reactions. Returns the state.

    ``also`` has the fields of the call that change with them.
    """
    return apply_report(tx, new, lambda _: also or {}).state


def apply_report(tx: CallTx, new: Sequence[CallEvent], effects: Effects) -> Applied:
    """Append the events that are not in the log, update the call, and run the reactions.

    The caller must hold the call's row lock (``record.get(lock=True)``).
    ``effects`` gets the added events before they are stored. Events that are all in the log change
    nothing. A settled call's log may grow and its costs may change; its state does not change.
    """
    now = tx.context.now()
    log = events.of_call(tx.conn, tx.call.id)
    added = _added(new, log)
    if len(log) >= log_limit.MAX_EVENTS:
        added = log_limit.within(tx, added, log)
    also = effects(added) if added else {}
    if also:
        tx.update(**also)
    for event in added:
        events.add(tx.conn, tx.call.id, event, now)
    log += added
    state, late = fold(log, tx.carrier.never_answered), tx.call.settled_at is not None
    before = tx.call.status
    if added and not late:
        if state.status is CallStatus.ENDED and not state.provisional and not state.settled:
            state = _settle(tx, state)
        _write(tx, state, changed=bool(also))
    for reaction in tx.context.reactions if added else ():
        reaction(Change(tx, before, state, added, log, late))
    return Applied(state, added, now, log)


def finalize(tx: CallTx, known: Folded | None = None) -> None:
    """Settle the ended reason at the end of the settle period. ``known``: the log, if it was read."""
    log, state = known or folded(tx)
    if state.status is CallStatus.ENDED and not tx.call.settled_at:
        state = _settle(tx, state)
        _write(tx, state)
        for reaction in tx.context.reactions:
            reaction(Change(tx, CallStatus.ENDED, state, log=log))


def request_end(tx: CallTx, reason: EndedReason, message: str | None = None) -> CallState:
    """Store the intent to end the call. Reactions carry it out after the commit."""
    if tx.call.status == CallStatus.ENDED:  # the intent cannot be the cause any more
        return state_of(tx)
    event = CallEvent(
        EventKind.INTENT,
        at=tx.context.now(),
        key=f"intent:{new_id()}",
        reason=reason,
        data={"message": message} if message else {},
    )
    also: Changes = {"body": {**tx.call.body, "endedMessage": message}} if message else {}
    return apply_events(tx, [event], also)


def folded(tx: CallTx) -> Folded:
    log = events.of_call(tx.conn, tx.call.id)
    return Folded(log, fold(log, tx.carrier.never_answered))


def state_of(tx: CallTx) -> CallState:
    return folded(tx).state


def _added(new: Sequence[CallEvent], log: Sequence[CallEvent]) -> list[CallEvent]:
    """The events that are not in the log. No other transaction adds one under the row lock."""
    known = {event.key for event in log}
    added = {event.key: event for event in reversed(new) if event.key not in known}
    return [event for event in new if added.get(event.key) is event]


def _settle(tx: CallTx, state: CallState) -> CallState:
    frozen = CallEvent(
        EventKind.SETTLED,
        at=state.ended_at or tx.context.now(),
        key="settled",
        reason=state.ended_reason,
    )
    events.add(tx.conn, tx.call.id, frozen, tx.context.now())
    return state._replace(settled=True, provisional=False)


def _write(tx: CallTx, state: CallState, *, changed: bool = False) -> None:
    reason = state.ended_reason
    values: Changes = {
        "status": state.status,
        "ended_reason": reason and _reason(tx.context, tx.call, reason),
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "settled_at": tx.context.now() if state.settled else None,
        "stream": state.streams[-1] if state.streams else None,
    }
    if changed or _shown(tx.call) != tuple(values.values()):
        values["updated_at"] = tx.context.now()
        tx.update(**values)


_shown = attrgetter("status", "ended_reason", "started_at", "ended_at", "settled_at", "stream")


def _reason(context: Context, call: Call, reason: EndedReason) -> EndedReason:
    """The reason to show. ``ENDED_REASONS=seed`` allows only the 56 values of Vapi's page."""
    if reason not in LATER_REASONS or context.settings.ended_reasons != "seed":
        return reason
    return LATER_REASONS[reason] or context.providers[call.provider].connect_failed
