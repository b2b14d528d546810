"""Twilio's webhooks, translated to Reports.

Does no I/O and verifies nothing: the request was verified before. Words that stand in no table
become a note and are named in ``Report.unknown``; they are never a reason to refuse.
https://www.twilio.com/docs/voice/twiml#request-parameters
https://www.twilio.com/docs/voice/api/call-resource#statuscallbackevent
https://www.twilio.com/docs/voice/twiml/stream#statuscallback
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from providers.base.webhook import HookKind, Report, WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.twilio import payload
from providers.twilio.event import Hit
from providers.twilio.statuses import (
    ENDS,
    FORWARD_ENDED,
    FORWARD_FAILED,
    MACHINE,
    PROGRESS,
    RECORDING_STATUSES,
    STREAM_EVENTS,
    end_fields,
)

_STREAM_NAME = re.compile(r"[0-9a-f]{16}")


def parse(hook: HookKind, request: WebhookRequest) -> Report:
    """A verified request in our words.

    Progress of a child leg (``ParentCallSid``: what ``<Dial>`` rang) leads to its parent's call,
    whose own leg it is not - unless it is the leg that was lent to us. Raises ``BadRequest``.
    """
    values = payload.parameters(request)
    leg = payload.leg(values)
    if hook not in _ASKED_OF_THE_LEG and (parent := values.get("ParentCallSid")):
        leg = replace(leg, call_ref=parent)
    hit = Hit(hook, request, values, leg)
    if hook not in _READERS:
        raise BadRequest(f"Twilio has no {hook} request")
    report = _READERS[hook](hit)
    return _with_verdict(hit, report)


# ------------------------------------------------------------------ a reader per hook


def _read_arrival(hit: Hit) -> Report:
    event = hit.event(EventKind.LEG_FETCHED)
    return Report(
        hit.leg, (event,), asks=True, visit=payload.visit(hit.request, hit.values["AccountSid"])
    )


def _read_status(hit: Hit) -> Report:
    word = hit.word("CallStatus")
    if word in ENDS:
        return Report(hit.leg, (_end(hit, word),))
    known = word in PROGRESS
    event = hit.event(PROGRESS.get(word, EventKind.NOTE))
    return Report(hit.leg, (event,), unknown=() if known else (word,))


def _read_stream(hit: Hit) -> Report:
    word = hit.word("StreamEvent")
    kind = STREAM_EVENTS.get(word, EventKind.NOTE)
    failed = kind is EventKind.MEDIA_FAILED
    event = hit.event(
        kind,
        reason=EndedReason.ASSISTANT_JOIN_TIMED_OUT if failed else None,
        stream=_stream(hit.values.get("StreamName", "")),
    )
    return Report(hit.leg, (event,), unknown=() if word in STREAM_EVENTS else (word,))


def _stream(name: str) -> str | None:
    """The name our markup gave it; a stream of the flow's owner has another."""
    return name if _STREAM_NAME.fullmatch(name) else None


def _read_continue(hit: Hit) -> Report:
    """The verb after ``</Connect>``; asked of a leg that is over, too, when the caller left first."""
    word = hit.values.get("CallStatus", "")
    event = _end(hit, word) if word in ENDS else hit.event(EventKind.LEG_CONTINUED)
    unknown = (word,) if word and word not in ENDS and word not in PROGRESS else ()
    return Report(hit.leg, (event,), asks=True, unknown=unknown)


def _read_machine(hit: Hit) -> Report:
    hit.word("AnsweredBy")
    return Report(hit.leg)


def _read_forward(hit: Hit) -> Report:
    """``<Dial>`` is over. The caller may have left meanwhile: then both are told."""
    word = hit.word("DialCallStatus")
    if word in FORWARD_ENDED:
        event = hit.event(EventKind.FORWARD_ENDED, reason=EndedReason.ASSISTANT_FORWARDED_CALL)
    else:
        event = hit.event(EventKind.FORWARD_FAILED if word in FORWARD_FAILED else EventKind.NOTE)
    status = hit.values.get("CallStatus", "")
    over = (_end(hit, status, key=f"{event.key}:leg"),) if status in ENDS else ()
    unknown = () if word in FORWARD_ENDED | FORWARD_FAILED else (word,)
    return Report(hit.leg, (event, *over), asks=True, unknown=unknown)


def _read_recording(hit: Hit) -> Report:
    word = hit.values.get("RecordingStatus", "")
    event = hit.event(RECORDING_STATUSES.get(word, EventKind.NOTE))
    return Report(hit.leg, (event,), unknown=() if word in RECORDING_STATUSES else (word,))


_READERS: dict[HookKind, Callable[[Hit], Report]] = {
    HookKind.ARRIVE: _read_arrival,
    HookKind.FETCH: _read_arrival,
    HookKind.STATUS: _read_status,
    HookKind.STREAM: _read_stream,
    HookKind.CONTINUE: _read_continue,
    HookKind.MACHINE: _read_machine,
    HookKind.FORWARD: _read_forward,
    HookKind.RECORDING: _read_recording,
}
_ASKED_OF_THE_LEG = frozenset(
    {HookKind.ARRIVE, HookKind.FETCH, HookKind.CONTINUE, HookKind.FORWARD}
)
"""Markup is asked for by the leg itself, whosever child it is."""


def _end(hit: Hit, word: str, *, key: str | None = None) -> CallEvent:
    return hit.event(EventKind.LEG_ENDED, key=key, **end_fields(word, bool(hit.leg.inbound)))


def _with_verdict(hit: Hit, report: Report) -> Report:
    """AMD's verdict comes by itself, or with any later request of the leg: one event, by its key."""
    if not (verdict := hit.values.get("AnsweredBy")):
        return report
    machine = MACHINE.get(verdict, False)
    event = hit.event(
        EventKind.MACHINE_DETECTED, key=f"machine:{verdict}", data={"machine": machine}
    )
    unknown = () if verdict in MACHINE else (verdict,)
    return replace(report, events=(*report.events, event), unknown=(*report.unknown, *unknown))
