"""What a call is: a pure fold over the set of its events. No I/O, no clock, no carrier.

The state depends on the set only, never on the order of arrival:

* status is the highest rank any event reached, and a terminal event is absorbing;
  only a failed forward takes ``forwarding`` back to ``in-progress``
* ``startedAt`` is the earliest join, ``endedAt`` the earliest terminal time
* ``endedReason`` is the reason of the strongest evidence: ``EVIDENCE`` below, first row first;
  within a row what is specific before what is generic, then the earliest by the carrier's own
  time, then its sequence number, then the event's key

So repeated and shuffled callbacks converge by construction. What is *decided* on arrival (to
re-attach a lost leg, to freeze the reason) is an event of its own and part of the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from providers.events import CallEvent, CallStatus, EndedReason, EventKind

EVIDENCE: dict[EventKind, int] = {
    EventKind.SETTLED: 0,  # frozen: nothing that comes later may change it
    EventKind.INTENT: 1,  # our own decision, committed before it was carried out
    EventKind.MACHINE_DETECTED: 2,  # only with a reason: the policy is to stop
    EventKind.FORWARD_ENDED: 3,
    EventKind.MEDIA_GONE: 4,
    EventKind.MEDIA_FAILED: 4,
    EventKind.LEG_CONTINUED: 4,  # only beside a stopped stream: the leg outlived its media
    EventKind.LEG_ENDED: 5,
    EventKind.MEDIA_STOPPED: 6,  # the stream is over and nothing says why: an inference
    EventKind.TIMER: 7,
}
"""Terminal evidence and its precedence, strongest first."""

SOURCE_CONTRADICTED = 8
"""The row of a word that other evidence belies; it decides only where nothing else does."""

CLOCKS_DIFFER = 2.0
"""Seconds the carrier's clock may be behind ours."""

REACHED: dict[EventKind, CallStatus] = {
    EventKind.LEG_FETCHED: CallStatus.RINGING,
    EventKind.LEG_RINGING: CallStatus.RINGING,
    EventKind.LEG_ANSWERED: CallStatus.RINGING,  # in progress only once the assistant is in
    EventKind.LEG_CONTINUED: CallStatus.RINGING,
    EventKind.MEDIA_STARTING: CallStatus.RINGING,
    EventKind.MEDIA_CONNECTED: CallStatus.IN_PROGRESS,
}
"""Progress: the status an event proves. What is not listed proves none."""

RANK = {status: rank for rank, status in enumerate(CallStatus)}


@dataclass(frozen=True, slots=True)
class CallState:
    """What the events say. ``provisional``: ended, but the reason may still become more specific."""

    status: CallStatus
    ended_reason: EndedReason | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    provisional: bool = False
    settled: bool = False
    joined: bool = False
    """The media socket was open at least once."""
    lost: bool = False
    """It was in, every stream in force was lost without a word, and none is in its place yet."""
    shut_down: bool = False
    """So it was, because a process of ours stopped."""
    reattached: int = 0
    """How many times a lost leg was given a fresh document."""
    streams: tuple[str, ...] = ()
    """Streams ever connected and not replaced, in order of their time."""
    forwarded_to: str | None = None
    """Destination of the last forward that was connected or is being connected."""
    forwards: int = 0
    """How many times the call was forwarded, failed attempts included."""


@dataclass(frozen=True, slots=True)
class _View:
    """The events sorted by their own time, with what re-attaching took out of force."""

    events: Sequence[CallEvent]
    never_answered: frozenset[EndedReason]
    replaced: frozenset[str] = field(default_factory=frozenset)
    answered: frozenset[str] = field(default_factory=frozenset)
    dialed: bool = False
    """We dialed the leg: the call is no bypass call."""

    def of(self, *kinds: EventKind) -> list[CallEvent]:
        return [event for event in self.events if event.kind in kinds]

    def in_force(self, event: CallEvent) -> bool:
        """Not about a stream that was replaced, nor a question that was answered by replacing it."""
        return event.stream not in self.replaced and event.key not in self.answered


class _Streams(NamedTuple):
    """Streams in force, whether none of them is left, and whether a stop of ours took the last."""

    in_force: tuple[str, ...] = ()
    lost: bool = False
    shut_down: bool = False


def fold(events: Iterable[CallEvent], never_answered: frozenset[EndedReason]) -> CallState:
    """The state of a call from all its events, in any order, repeated or not.

    ``never_answered``: its carrier's reasons of legs that were not picked up.
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
        joined=joined,
        lost=lost,
        shut_down=shut_down,
        reattached=sum("forward" not in e.data for e in view.of(EventKind.REATTACHED)),
        streams=streams,
        forwarded_to=open_forwards[-1].data.get("destination") if open_forwards else None,
        forwards=len(forwards),
    )


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
    if event.kind is EventKind.FORWARD_ENDED:  # a summary may follow a word like "busy", too
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
    """The carrier's bare "completed" means different things with and without an answer."""
    if winner.unanswered_reason and not _answered(view):
        return winner.unanswered_reason
    if winner.generic and _streams(view).shut_down:
        return EndedReason.SERVER_SHUTDOWN
    if winner.generic and _cut_by_limit(winner, view):
        return EndedReason.EXCEEDED_MAX_DURATION
    return winner.reason or EndedReason.UNKNOWN_ERROR


def _cut_by_limit(winner: CallEvent, view: _View) -> bool:
    """The carrier ended it at the limit it was given, or a leg as long as ours allows.

    The length of a leg that a flow owns counts the flow before the assistant too: of those the
    assistant's own time must have reached the limit.
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
    reached = [CallStatus.QUEUED, *(REACHED[e.kind] for e in view.events if e.kind in REACHED)]
    if view.dialed and view.of(EventKind.LEG_ANSWERED):
        reached.append(CallStatus.IN_PROGRESS)
    return max(reached, key=RANK.__getitem__)


def _started_at(view: _View) -> datetime | None:
    kinds = [EventKind.MEDIA_CONNECTED, *([EventKind.LEG_ANSWERED] if view.dialed else [])]
    return min((event.at for event in view.of(*kinds)), default=None)


def _ended_at(terminal: Sequence[CallEvent], started_at: datetime | None) -> datetime:
    """The earliest terminal time; never before the start, whatever the carrier's clock says."""
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


def _failed_forwards(view: _View) -> set[str | None]:
    return {event.data.get("forward") for event in view.of(EventKind.FORWARD_FAILED)}
