"""The state of a call: a pure fold over the set of its events. No I/O, no clock, no carrier.

The state depends only on the set of events, never on their order of arrival:

* ``status`` is the highest rank that an event reached, and a terminal event is final.
  Only a failed forward takes ``forwarding`` back to ``in-progress``.
* ``startedAt`` is the earliest join, ``endedAt`` the earliest terminal time.
* ``endedReason`` is the reason of the strongest evidence. ``EVIDENCE`` below has the order.
  Within a row, specific events come before generic ones.
  Then the carrier's time, its sequence number and the event's key decide.

So repeated and reordered callbacks give the same state.
A decision of ours, such as to reattach a lost leg, is an event, too, and part of the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from providers.events import CallEvent, CallStatus, EndedReason, EventKind

EVIDENCE: dict[EventKind, int] = {
    EventKind.SETTLED: 0,  # final: no later event may change the reason
    EventKind.INTENT: 1,  # our own decision, stored before it is carried out
    EventKind.MACHINE_DETECTED: 2,  # only with a reason: the assistant ends such calls
    EventKind.FORWARD_ENDED: 3,
    EventKind.MEDIA_GONE: 4,
    EventKind.MEDIA_FAILED: 4,
    EventKind.LEG_CONTINUED: 4,  # only with a stopped stream: the leg outlived it
    EventKind.LEG_ENDED: 5,
    EventKind.MEDIA_STOPPED: 6,  # an inference: the stream ended without a reason
    EventKind.TIMER: 7,
}
"""The terminal events and their precedence; 0 is the strongest."""

SOURCE_CONTRADICTED = 8
"""The precedence of an event that another event contradicts: the weakest of all."""

CLOCKS_DIFFER = 2.0
"""How many seconds the carrier's clock may be behind ours."""

REACHED: dict[EventKind, CallStatus] = {
    EventKind.LEG_FETCHED: CallStatus.RINGING,
    EventKind.LEG_RINGING: CallStatus.RINGING,
    EventKind.LEG_ANSWERED: CallStatus.RINGING,  # in progress only once the assistant has joined
    EventKind.LEG_CONTINUED: CallStatus.RINGING,
    EventKind.QUEUE_ENTERED: CallStatus.RINGING,
    EventKind.MEDIA_STARTING: CallStatus.RINGING,
    EventKind.MEDIA_CONNECTED: CallStatus.IN_PROGRESS,
}
"""The status that an event proves. An event that is not listed proves none."""

RANK = {status: rank for rank, status in enumerate(CallStatus)}


class CallState(NamedTuple):
    """The state that the events prove."""

    status: CallStatus
    ended_reason: EndedReason | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    provisional: bool = False
    """The call has ended, and its reason may still become more specific."""
    settled: bool = False
    inferred: bool = False
    """Nothing but a stopped stream says that the call is over: its leg may live elsewhere."""
    joined: bool = False
    """The media socket was open at least once."""
    lost: bool = False
    """Every current stream was lost without a stop message, and no other has replaced it."""
    shut_down: bool = False
    """The streams were lost because a process of ours stopped."""
    reattached: int = 0
    """How many times the call was reattached."""
    streams: tuple[str, ...] = ()
    """The streams that were connected and not replaced, in the order of their time."""
    forwarded_to: str | None = None
    """The destination of the last forward that did not fail."""
    forwards: int = 0
    """How many times the call was forwarded, failed attempts included."""
    handed_over: bool = False
    """The leg has the document of the forward that goes on."""
    decided_by: CallEvent | None = None
    """The evidence that gives the reason."""


class _View(NamedTuple):
    """The events, sorted by their own time, and what a reattach has replaced."""

    events: Sequence[CallEvent]
    never_answered: frozenset[EndedReason]
    replaced: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    dialed: bool = False
    """We dialed the leg: the call is no bypass call."""

    def of(self, *kinds: EventKind) -> list[CallEvent]:
        return [event for event in self.events if event.kind in kinds]

    def in_force(self, event: CallEvent) -> bool:
        """False if a reattach has replaced the event's stream, or has answered the event."""
        return event.stream not in self.replaced and event.key not in self.answered


class _Streams(NamedTuple):
    """The current streams, whether all are lost, and whether our own stop caused the last loss."""

    in_force: tuple[str, ...] = ()
    lost: bool = False
    shut_down: bool = False


def fold(events: Iterable[CallEvent], never_answered: frozenset[EndedReason]) -> CallState:
    """The state of a call from all its events, in any order, repeated or not.

    ``never_answered`` has the ended reasons of the carrier's unanswered legs.
    """
    view = _view(events, never_answered)
    terminal = [e for e in view.events if e.kind in EVIDENCE and _is_terminal(e, view)]
    started_at = _started_at(view)
    joined = bool(view.of(EventKind.MEDIA_CONNECTED))
    streams, lost, shut_down = _streams(view) if joined else _Streams()
    forwards = view.of(EventKind.FORWARD_STARTED)
    open_forwards = _open_forwards(view, forwards) if forwards else []
    winner = min(terminal, key=partial(_evidence_rank, view), default=None)
    return CallState(
        status=CallStatus.ENDED if terminal else _progress(view, bool(open_forwards)),
        ended_reason=_reason(winner, view) if winner else None,
        started_at=started_at,
        ended_at=_ended_at(terminal, started_at) if terminal else None,
        provisional=winner is not None and (winner.generic or _contradicted(view, winner)),
        settled=winner is not None and winner.kind is EventKind.SETTLED,
        inferred=winner is not None
        and winner.generic
        and winner.kind is EventKind.MEDIA_STOPPED
        and winner.reason is EndedReason.CUSTOMER_ENDED_CALL
        and not shut_down,
        joined=joined,
        lost=lost,
        shut_down=shut_down,
        reattached=sum("forward" not in e.data for e in view.of(EventKind.REATTACHED)),
        streams=streams,
        forwarded_to=open_forwards[-1].data.get("destination") if open_forwards else None,
        forwards=len(forwards),
        handed_over=bool(open_forwards) and _is_handed_over(view, open_forwards[-1]),
        decided_by=winner,
    )


def weigh(
    events: Iterable[CallEvent], never_answered: frozenset[EndedReason]
) -> dict[str, tuple[int, bool]]:
    """The row of the evidence table of each event that ends the call, and whether it is generic.

    By the events' keys, the strongest first.
    """
    view = _view(events, never_answered)
    terminal = [e for e in view.events if e.kind in EVIDENCE and _is_terminal(e, view)]
    ranked = sorted(terminal, key=partial(_evidence_rank, view))
    return {event.key: _evidence_rank(view, event)[:2] for event in ranked}


def _view(events: Iterable[CallEvent], never_answered: frozenset[EndedReason]) -> _View:
    once = {event.key: event for event in events}
    ordered = sorted(once.values(), key=_order)
    again = [event for event in ordered if event.kind is EventKind.REATTACHED]
    return _View(
        ordered,
        never_answered,
        frozenset(stream for event in again for stream in event.data.get("streams", ())),
        frozenset(str(event.data["answers"]) for event in again if "answers" in event.data),
        any(e.kind is EventKind.CREATED and e.data.get("bypass") is False for e in ordered),
    )


def _waits(view: _View) -> bool:
    """Whether the call is scheduled, and its time has not come."""
    scheduled = any(event.data.get("scheduled") for event in view.of(EventKind.CREATED))
    return scheduled and not view.of(EventKind.DUE)


def _order(event: CallEvent) -> tuple[datetime, int, str]:
    return (event.at, event.sequence if event.sequence is not None else -1, event.key)


def _evidence_rank(view: _View, event: CallEvent) -> tuple[int, bool, datetime, int, str]:
    row = SOURCE_CONTRADICTED if _contradicted(view, event) else EVIDENCE[event.kind]
    return (row, event.generic, *_order(event))


def _contradicted(view: _View, event: CallEvent) -> bool:
    if event.kind is not EventKind.LEG_ENDED or event.reason not in view.never_answered:
        return False
    return _answered(view)


def _answered(view: _View) -> bool:
    return bool(view.of(EventKind.MEDIA_CONNECTED, EventKind.LEG_ANSWERED))


def _is_terminal(event: CallEvent, view: _View) -> bool:
    """Whether an event of a kind of ``EVIDENCE`` ends the call."""
    if not view.in_force(event):
        return False
    if event.kind is EventKind.MACHINE_DETECTED:
        return event.reason is not None
    if event.kind is EventKind.LEG_CONTINUED:
        return any(view.in_force(stop) for stop in view.of(EventKind.MEDIA_STOPPED))
    if event.kind is EventKind.FORWARD_ENDED:  # a summary follows an outcome like "busy", too
        return event.data.get("forward") not in _failed_forwards(view)
    return True


def _reason(winner: CallEvent, view: _View) -> EndedReason:
    if winner.kind is EventKind.LEG_CONTINUED:
        return winner.reason or EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
    if winner.kind is EventKind.LEG_ENDED:
        return _leg_reason(winner, view)
    if winner.kind is EventKind.MEDIA_STOPPED and _streams(view).shut_down:
        return EndedReason.SERVER_SHUTDOWN
    return winner.reason or EndedReason.UNKNOWN_ERROR


def _leg_reason(winner: CallEvent, view: _View) -> EndedReason:
    """A leg's ended reason. The meaning of the carrier's "completed" depends on an answer."""
    if winner.unanswered_reason and not _answered(view):
        return winner.unanswered_reason
    if winner.generic and _streams(view).shut_down:
        return EndedReason.SERVER_SHUTDOWN
    if winner.generic and _cut_by_limit(winner, view):
        return EndedReason.EXCEEDED_MAX_DURATION
    return winner.reason or EndedReason.UNKNOWN_ERROR


def _cut_by_limit(winner: CallEvent, view: _View) -> bool:
    """Whether the carrier ended the leg at the call's maximum duration.

    The duration of a bypass leg includes the flow before the assistant.
    For such a leg the assistant's own time must have reached the limit.
    """
    limit = next((e.data.get("maxDurationSeconds") for e in view.of(EventKind.CREATED)), None)
    duration = winner.data.get("durationSeconds")
    if not limit or duration is None or duration < limit:
        return False
    started_at = _started_at(view)
    if view.dialed or started_at is None:
        return view.dialed
    return bool((winner.at - started_at).total_seconds() >= limit - CLOCKS_DIFFER)


def _progress(view: _View, forwarding: bool) -> CallStatus:
    if forwarding:
        return CallStatus.FORWARDING
    waits = view.dialed and _waits(view)
    reached = [
        CallStatus.SCHEDULED if waits else CallStatus.QUEUED,
        *(REACHED[e.kind] for e in view.events if e.kind in REACHED),
    ]
    if view.dialed and view.of(EventKind.LEG_ANSWERED):
        reached.append(CallStatus.IN_PROGRESS)
    return max(reached, key=RANK.__getitem__)


def _started_at(view: _View) -> datetime | None:
    kinds = [EventKind.MEDIA_CONNECTED, *([EventKind.LEG_ANSWERED] if view.dialed else [])]
    return min((event.at for event in view.of(*kinds)), default=None)


def _ended_at(terminal: Sequence[CallEvent], started_at: datetime | None) -> datetime:
    """The earliest terminal time; never before the start, because clocks differ."""
    for event in terminal:
        if event.kind is EventKind.SETTLED:
            return event.at
    at = min(event.at for event in terminal)
    return max(at, started_at) if started_at else at


def _streams(view: _View) -> _Streams:
    connected = view.of(EventKind.MEDIA_CONNECTED)
    losses = view.of(EventKind.MEDIA_LOST)
    lost = {event.stream for event in losses}
    in_force = [event.stream for event in connected if view.in_force(event)]
    gone = bool(connected) and all(stream in lost for stream in in_force)
    last = losses[-1].reason if gone and losses else None
    return _Streams(
        tuple(dict.fromkeys(stream for stream in in_force if stream)),
        gone,
        last is EndedReason.SERVER_SHUTDOWN,
    )


def _open_forwards(view: _View, started: Sequence[CallEvent]) -> list[CallEvent]:
    failed = _failed_forwards(view)
    return [event for event in started if event.data.get("forward") not in failed]


def _is_handed_over(view: _View, started: CallEvent) -> bool:
    forward = started.data.get("forward")
    return any(event.data.get("forward") == forward for event in view.of(EventKind.REATTACHED))


def _failed_forwards(view: _View) -> set[str | None]:
    return {event.data.get("forward") for event in view.of(EventKind.FORWARD_FAILED)}
