"""Applying events to a call, in the caller's transaction: log, fold, write, react.

The one place where a call's row changes because something happened. What follows from the change
is ``app/domain/reactions.py``: it is committed with the event or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState, fold
from app.domain.context import Context, new_id
from app.store import events
from providers.events import CallEvent, CallStatus, EndedReason, EventKind


@dataclass(frozen=True, slots=True)
class Change:
    """What a reaction is given: a call that has just changed, in the transaction that changes it."""

    tx: CallTx
    """With the call as it is now."""
    before: CallStatus | None
    """The status until now; None: the call is new."""
    state: CallState
    added: Sequence[CallEvent] = ()
    """The events that are new in the log; none when only the reason was settled."""
    log: Sequence[CallEvent] = ()
    """All events of the call, but for the one that settles its reason now."""
    late: bool = False
    """The reason was settled before: the log has grown, and the state stays as it was."""

    @property
    def kinds(self) -> AbstractSet[EventKind]:
        return {event.kind for event in self.added}

    @property
    def ended(self) -> bool:
        """Whether the call is over and was told of something before its reason is settled."""
        return self.state.status is CallStatus.ENDED and bool(self.added) and not self.late

    def is_first(self, kinds: AbstractSet[EventKind]) -> bool:
        """Whether events of these kinds are among the new ones, and none was in the log before."""
        new = sum(event.kind in kinds for event in self.added)
        return 0 < new == sum(event.kind in kinds for event in self.log)


Reaction = Callable[[Change], None]
"""Does what follows from a change, in its transaction; what it raises undoes the change."""


def created(tx: CallTx, state: CallState, log: Sequence[CallEvent]) -> None:
    """Do what follows from a new call, whose row and first events are written."""
    tx.call.status = state.status
    _react(Change(tx, None, state, log, log))


def apply_events(tx: CallTx, new: Sequence[CallEvent], also: Changes | None = None) -> CallState:
    """Append what is new, bring the call up to date, and do all that follows from it.

    The call must be held (``record.get(lock=True)``); ``also`` changes with it.
    A settled call's log still grows, its state does not change any more; what it cost may.
    """
    now = tx.context.now()
    if also:
        tx.call.change(**also)
    added = [event for event in new if events.append(tx.conn, tx.call.id, event, now)]
    log = events.of_call(tx.conn, tx.call.id)
    state, late = fold(log, tx.carrier.never_answered), tx.call.settled_at is not None
    before = tx.call.status
    if added and not late:
        if state.status is CallStatus.ENDED and not state.provisional and not state.settled:
            state = _settle(tx, state)
        _write(tx, state, also)
    elif also:
        tx.update(**also)
    if added:
        _react(Change(tx, before, state, added, log, late))
    return state


def finalize(tx: CallTx) -> None:
    """The grace is over: what is known now is the reason, for good."""
    log = events.of_call(tx.conn, tx.call.id)
    state = fold(log, tx.carrier.never_answered)
    if state.status is CallStatus.ENDED and not tx.call.settled_at:
        state = _settle(tx, state)
        _write(tx, state)
        _react(Change(tx, CallStatus.ENDED, state, log=log))


def request_end(tx: CallTx, reason: EndedReason, message: str | None = None) -> CallState:
    """Our own decision to end the call; what carries it out comes after the commit."""
    if tx.call.status == CallStatus.ENDED:  # too late to be the cause
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


def state_of(tx: CallTx) -> CallState:
    return fold(events.of_call(tx.conn, tx.call.id), tx.carrier.never_answered)


def _react(change: Change) -> None:
    """Reactions are handed in by the wiring: this module knows none of them."""
    for reaction in change.tx.context.reactions:
        reaction(change)


def _settle(tx: CallTx, state: CallState) -> CallState:
    frozen = CallEvent(
        EventKind.SETTLED,
        at=state.ended_at or tx.context.now(),
        key="settled",
        reason=state.ended_reason,
    )
    events.append(tx.conn, tx.call.id, frozen, tx.context.now())
    return replace(state, settled=True, provisional=False)


def _write(tx: CallTx, state: CallState, also: Changes | None = None) -> None:
    reason = state.ended_reason
    values: Changes = {
        "status": state.status,
        "ended_reason": reason and _reason(tx.context, tx.call, reason),
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "settled_at": tx.context.now() if state.settled else None,
    }
    if also or any(getattr(tx.call, name) != value for name, value in values.items()):
        changes: Changes = {**values, **(also or {}), "updated_at": tx.context.now()}
        tx.update(**changes)


def _reason(context: Context, call: Call, reason: EndedReason) -> EndedReason:
    """ENDED_REASONS=seed knows only the 56 values of Vapi's page."""
    if reason is EndedReason.NO_CALL_RECEIVED and context.settings.ended_reasons == "seed":
        return context.providers[call.provider].connect_failed
    return reason
