"""Applying events to a call, in the caller's transaction: log, fold, write, react.

The one place where a call's row changes because something happened. What follows from the change
is ``app/domain/reactions.py``: it is committed with the event or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls.state import CallState, fold
from app.domain.context import Context, Row, new_id
from app.store import calls, events
from providers.events import CallEvent, CallStatus, EndedReason, EventKind


@dataclass(frozen=True, slots=True)
class Change:
    """What a reaction is given: a call that has just changed, in the transaction that changes it."""

    context: Context
    conn: Connection
    row: Row
    """The call's, held and up to date."""
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


def created(
    context: Context, conn: Connection, row: Row, state: CallState, log: Sequence[CallEvent]
) -> None:
    """Do what follows from a new call, whose row and first events are written."""
    row["status"] = state.status
    _react(Change(context, conn, row, None, state, log, log))


def apply_events(
    context: Context,
    conn: Connection,
    row: Row,
    new: Sequence[CallEvent],
    also: Mapping[str, Any] | None = None,
) -> CallState:
    """Append what is new, bring ``row`` up to date, and do all that follows from it.

    ``row`` must be held (``calls.get(lock=True)``); ``also`` are other columns to change with it.
    A settled call's log still grows, its state does not change any more; what it cost may.
    """
    now = context.now()
    row.update(also or {})
    added = [event for event in new if events.append(conn, row["id"], event, now)]
    log = events.of_call(conn, row["id"])
    state, late = fold(log), row["settled_at"] is not None
    before = CallStatus(row["status"])
    if added and not late:
        if state.status is CallStatus.ENDED and not state.provisional and not state.settled:
            state = _settle(context, conn, row, state)
        _write(context, conn, row, state, also)
    elif also:
        calls.update(conn, row["id"], also)
    if added:
        _react(Change(context, conn, row, before, state, added, log, late))
    return state


def finalize(context: Context, conn: Connection, row: Row) -> None:
    """The grace is over: what is known now is the reason, for good."""
    log = events.of_call(conn, row["id"])
    state = fold(log)
    if state.status is CallStatus.ENDED and not row["settled_at"]:
        state = _settle(context, conn, row, state)
        _write(context, conn, row, state)
        _react(Change(context, conn, row, CallStatus.ENDED, state, log=log))


def request_end(
    context: Context, conn: Connection, row: Row, reason: EndedReason, message: str | None = None
) -> CallState:
    """Our own decision to end the call; what carries it out comes after the commit."""
    if row["status"] == CallStatus.ENDED:  # too late to be the cause
        return state_of(conn, row["id"])
    event = CallEvent(
        EventKind.INTENT,
        at=context.now(),
        key=f"intent:{new_id()}",
        reason=reason,
        data={"message": message} if message else {},
    )
    explained = message and row["status"] != CallStatus.ENDED
    also = {"body": {**row["body"], "endedMessage": message}} if explained else None
    return apply_events(context, conn, row, [event], also)


def state_of(conn: Connection, call_id: str) -> CallState:
    return fold(events.of_call(conn, call_id))


def _react(change: Change) -> None:
    """Reactions are handed in by the wiring: this module knows none of them."""
    for reaction in change.context.reactions:
        reaction(change)


def _settle(context: Context, conn: Connection, row: Row, state: CallState) -> CallState:
    frozen = CallEvent(
        EventKind.SETTLED,
        at=state.ended_at or context.now(),
        key="settled",
        reason=state.ended_reason,
    )
    events.append(conn, row["id"], frozen, context.now())
    return replace(state, settled=True, provisional=False)


def _write(
    context: Context,
    conn: Connection,
    row: Row,
    state: CallState,
    also: Mapping[str, Any] | None = None,
) -> None:
    values: dict[str, Any] = {
        "status": state.status,
        "ended_reason": _reason(context, row, state.ended_reason),
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "settled_at": context.now() if state.settled else None,
    }
    if also or any(row[name] != value for name, value in values.items()):
        values |= {**(also or {}), "updated_at": context.now()}
        calls.update(conn, row["id"], values)
        row.update(values)


def _reason(context: Context, row: Row, reason: EndedReason | None) -> EndedReason | None:
    """ENDED_REASONS=seed knows only the 56 values of Vapi's page."""
    if reason is EndedReason.NO_CALL_RECEIVED and context.settings.ended_reasons == "seed":
        return context.providers[row["provider"]].connect_failed
    return reason
