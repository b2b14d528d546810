"""Parses Twilio's webhooks to reports.

Does no I/O and verifies nothing: the request was verified before. A word that is in no table
becomes a note and is named in ``WebhookReport.unknown``. It is never a reason to refuse.
https://www.twilio.com/docs/voice/twiml#request-parameters
https://www.twilio.com/docs/voice/api/call-resource#statuscallbackevent
https://www.twilio.com/docs/voice/twiml/stream#statuscallback
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from providers.base.instructions import is_stream_id
from providers.base.webhook import OF_OPERATORS, HookKind, WebhookReport, WebhookRequest
from providers.common.json_types import NOTHING, JsonObject
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.twilio import payload
from providers.twilio.config import REFER_QUERY
from providers.twilio.event import Webhook
from providers.twilio.statuses import (
    ENDS,
    FORWARD_ENDED,
    FORWARD_FAILED,
    MACHINE,
    OPERATOR,
    PROGRESS,
    RECORDING_STATUSES,
    REFER_ENDED,
    REFER_FAILED,
    RELAY_FAILED,
    ROOM,
    STREAM_EVENTS,
    end_fields,
)


def parse(hook: HookKind, request: WebhookRequest) -> WebhookReport:
    """Parse a verified request. Raises ``BadRequest``.

    ``ParentCallSid`` marks a child leg, which ``<Dial>`` placed. Its progress belongs to the
    parent's call, unless the child is the leg that was lent to us.
    """
    values = payload.parameters(request)
    leg = payload.leg(values)
    if hook not in _ASKED_OF_THE_LEG and (parent := values.get("ParentCallSid")):
        leg = replace(leg, call_ref=parent)
    webhook = Webhook(hook, request, values, leg)
    if hook not in _READERS:
        raise BadRequest(f"Twilio has no {hook} request")
    report = _READERS[hook](webhook)
    verdict = None if hook in OF_OPERATORS else values.get("AnsweredBy")
    return _with_verdict(webhook, report, verdict) if verdict else report


# ------------------------------------------------------------------ a reader per hook


def _read_arrival(webhook: Webhook) -> WebhookReport:
    event = webhook.event(EventKind.LEG_FETCHED)
    return WebhookReport(
        webhook.leg,
        (event,),
        asks=True,
        visit=payload.visit(webhook.request, webhook.values["AccountSid"]),
    )


def _read_status(webhook: Webhook) -> WebhookReport:
    word = webhook.word("CallStatus")
    if word in ENDS:
        return WebhookReport(webhook.leg, (_end(webhook, word),))
    known = word in PROGRESS
    event = webhook.event(PROGRESS.get(word, EventKind.NOTE))
    return WebhookReport(webhook.leg, (event,), unknown=() if known else (word,))


def _read_stream(webhook: Webhook) -> WebhookReport:
    word = webhook.word("StreamEvent")
    kind = STREAM_EVENTS.get(word, EventKind.NOTE)
    failed = kind is EventKind.MEDIA_FAILED
    event = webhook.event(
        kind,
        reason=EndedReason.ASSISTANT_JOIN_TIMED_OUT if failed else None,
        stream=_stream(webhook.values.get("StreamName", "")),
    )
    return WebhookReport(webhook.leg, (event,), unknown=() if word in STREAM_EVENTS else (word,))


def _stream(name: str) -> str | None:
    """The name from our markup. A stream of the flow's owner has another."""
    return name if is_stream_id(name) else None


def _read_continue(webhook: Webhook) -> WebhookReport:
    """The verb after ``</Connect>``.

    Twilio asks it even of a leg that is over, if the caller left first. A session of
    ConversationRelay says how it ended, too.
    """
    word = webhook.values.get("CallStatus", "")
    if word not in ENDS and webhook.values.get("ErrorCode") in RELAY_FAILED:
        event = webhook.event(EventKind.MEDIA_GONE, reason=EndedReason.ASSISTANT_ERROR)
        return WebhookReport(webhook.leg, (event,), asks=True)
    event = _end(webhook, word) if word in ENDS else webhook.event(EventKind.LEG_CONTINUED)
    unknown = (word,) if word and word not in ENDS and word not in PROGRESS else ()
    return WebhookReport(webhook.leg, (event,), asks=True, unknown=unknown)


def _read_wait(webhook: Webhook) -> WebhookReport:
    """A leg that waits asks again. Its turns are no events, but its end is one."""
    word = webhook.values.get("CallStatus", "")
    events = (_end(webhook, word),) if word in ENDS else ()
    pressed = webhook.values.get("Digits", "")
    return WebhookReport(webhook.leg, events, asks=True, pressed=pressed)


def _read_machine(webhook: Webhook) -> WebhookReport:
    webhook.word("AnsweredBy")
    return WebhookReport(webhook.leg)


def _read_forward(webhook: Webhook) -> WebhookReport:
    """``<Dial>`` or ``<Refer>`` is over. If the caller left meanwhile, the report has both events."""
    if webhook.request.query == REFER_QUERY or "ReferSipResponseCode" in webhook.values:
        word = _word_of_refer(webhook)
        return _forwarded(webhook, word, REFER_ENDED, REFER_FAILED, {"outcome": word})
    return _forwarded(webhook, webhook.word("DialCallStatus"), FORWARD_ENDED, FORWARD_FAILED)


def _word_of_refer(webhook: Webhook) -> str:
    """What came of a REFER.

    A device that has accepted it and tells nothing more has the call. Without an answer it has not.
    """
    code = webhook.values.get("ReferSipResponseCode", "")
    return webhook.values.get("ReferCallStatus") or ("answered" if code[:1] == "2" else "failed")


def _forwarded(
    webhook: Webhook,
    word: str,
    ended: frozenset[str],
    failed: frozenset[str],
    told: JsonObject = NOTHING,
) -> WebhookReport:
    if word in ended:
        reason = EndedReason.ASSISTANT_FORWARDED_CALL
        event = webhook.event(EventKind.FORWARD_ENDED, reason=reason, data=told)
    else:
        kind = EventKind.FORWARD_FAILED if word in failed else EventKind.NOTE
        event = webhook.event(kind, data=told)
    status = webhook.values.get("CallStatus", "")
    over = (_end(webhook, status, key=f"{event.key}:leg"),) if status in ENDS else ()
    unknown = () if word in ended | failed else (word,)
    return WebhookReport(webhook.leg, (event, *over), asks=True, unknown=unknown)


def _read_operator(webhook: Webhook) -> WebhookReport:
    """The operator's leg was answered. Twilio has waited for AMD's verdict, if we asked for it."""
    verdict = webhook.values.get("AnsweredBy", "")
    machine = {"machine": MACHINE.get(verdict, False)} if verdict else {}
    unknown = (verdict,) if verdict and verdict not in MACHINE else ()
    event = _of_operator(webhook, EventKind.OPERATOR_ANSWERED, machine)
    return WebhookReport(None, (event,), asks=True, unknown=unknown)


def _read_spoke(webhook: Webhook) -> WebhookReport:
    """``<Gather>`` is over. Twilio asks only if it has heard something."""
    event = _of_operator(webhook, EventKind.OPERATOR_ANSWERED, {"spoke": True})
    return WebhookReport(None, (event,), asks=True)


def _read_briefed(webhook: Webhook) -> WebhookReport:
    event = _of_operator(webhook, EventKind.OPERATOR_BRIEFED)
    return WebhookReport(None, (event,), asks=True)


def _read_talked(webhook: Webhook) -> WebhookReport:
    """The operator's media socket: its status, or the verb after ``</Connect>``."""
    if "StreamEvent" not in webhook.values:  # Twilio asks of a leg that is over, too
        status = webhook.values.get("CallStatus", "")
        ended = {"outcome": status} if status in ENDS else {}
        kind = EventKind.OPERATOR_ENDED if ended else EventKind.OPERATOR_TALKED
        return WebhookReport(None, (_of_operator(webhook, kind, ended),), asks=True)
    word = webhook.word("StreamEvent")
    event = _of_operator(webhook, EventKind.NOTE)
    return WebhookReport(None, (event,), unknown=() if word in STREAM_EVENTS else (word,))


def _read_operator_status(webhook: Webhook) -> WebhookReport:
    word = webhook.word("CallStatus")
    kind = EventKind.OPERATOR_ENDED if word in ENDS else OPERATOR.get(word, EventKind.NOTE)
    event = _of_operator(webhook, kind, {"outcome": word} if word in ENDS else {})
    return WebhookReport(None, (event,), unknown=() if word in {*ENDS, *OPERATOR} else (word,))


def _read_room(webhook: Webhook) -> WebhookReport:
    """An event of the conference. The domain knows which of the legs is the operator's."""
    word = webhook.word("StatusCallbackEvent")
    event = _of_operator(webhook, ROOM.get(word, EventKind.NOTE))
    return WebhookReport(None, (event,), unknown=() if word in ROOM else (word,))


def _of_operator(webhook: Webhook, kind: EventKind, data: JsonObject = NOTHING) -> CallEvent:
    """An event about another leg than the call's own: the URL's token names the transfer."""
    return webhook.event(kind, data={**data, "forwardLegRef": webhook.leg.leg_ref})


def _read_recording(webhook: Webhook) -> WebhookReport:
    word = webhook.values.get("RecordingStatus", "")
    event = webhook.event(RECORDING_STATUSES.get(word, EventKind.NOTE))
    return WebhookReport(
        webhook.leg, (event,), unknown=() if word in RECORDING_STATUSES else (word,)
    )


_READERS: dict[HookKind, Callable[[Webhook], WebhookReport]] = {
    HookKind.ARRIVE: _read_arrival,
    HookKind.FETCH: _read_arrival,
    HookKind.STATUS: _read_status,
    HookKind.STREAM: _read_stream,
    HookKind.CONTINUE: _read_continue,
    HookKind.MACHINE: _read_machine,
    HookKind.FORWARD: _read_forward,
    HookKind.OPERATOR: _read_operator,
    HookKind.SPOKE: _read_spoke,
    HookKind.BRIEFED: _read_briefed,
    HookKind.TALKED: _read_talked,
    HookKind.OPERATOR_STATUS: _read_operator_status,
    HookKind.ROOM: _read_room,
    HookKind.RECORDING: _read_recording,
    HookKind.WAIT: _read_wait,
}
# The leg itself asks for markup, even if it is another leg's child.
_ASKED_OF_THE_LEG = frozenset(
    {HookKind.ARRIVE, HookKind.FETCH, HookKind.CONTINUE, HookKind.FORWARD, HookKind.WAIT}
)


def _end(webhook: Webhook, word: str, *, key: str | None = None) -> CallEvent:
    # Twilio's default is to send the end alone: a talk has a length, and may have a verdict.
    length = webhook.values.get("CallDuration", "").lstrip("0")
    answered = bool(length or webhook.values.get("AnsweredBy"))
    fields = end_fields(word, bool(webhook.leg.inbound), answered)
    return webhook.event(EventKind.LEG_ENDED, key=key, **fields)


def _with_verdict(webhook: Webhook, report: WebhookReport, verdict: str) -> WebhookReport:
    """Add AMD's verdict.

    It comes by itself, or with any later request of the leg; one key makes it one event.
    """
    machine = MACHINE.get(verdict, False)
    event = webhook.event(
        EventKind.MACHINE_DETECTED, key=f"machine:{verdict}", data={"machine": machine}
    )
    unknown = () if verdict in MACHINE else (verdict,)
    return replace(report, events=(*report.events, event), unknown=(*report.unknown, *unknown))
