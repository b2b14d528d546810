"""Parses Vonage's webhooks to reports. Does no I/O; the request was verified before.

Vonage reports legs: the phone is one, our media socket another, a forward a third, all in one
conversation. The meaning of a status depends on its leg, which ``to`` or the URL identifies. Events
may come out of order and repeatedly: each carries Vonage's own time.
https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from providers.base.instructions import stream_id
from providers.base.webhook import HookKind, Leg, WebhookReport, WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.vonage import payload as payloads
from providers.vonage.event import Webhook, key_of
from providers.vonage.fields import typed, whole
from providers.vonage.payload import Payload, inbound, was_answered
from providers.vonage.statuses import (
    DISCONNECTED_BY,
    FORWARD,
    MACHINE,
    MEDIA,
    NOTES,
    OPERATOR,
    PHONE,
    PHONE_INBOUND,
    SIP,
    STATUSES,
    Row,
)


def parse(hook: HookKind, request: WebhookRequest) -> WebhookReport:
    """Parse a verified request. Raises ``BadRequest``."""
    raw = payloads.read(request)
    payload = typed(raw)
    webhook = Webhook(request, payload, payloads.word(payload), raw)
    if hook in OF_OPERATORS:
        return OF_OPERATORS[hook](webhook)
    if hook is HookKind.WAIT:
        return _wait(webhook)
    if hook in (HookKind.ARRIVE, HookKind.FALLBACK):
        return _arrival(hook, webhook)
    if hook is HookKind.FORWARD and "payload" in raw:
        return _left_room(webhook)
    if webhook.word in NOTES or webhook.word not in STATUSES:
        return _note(webhook)
    if webhook.word in MACHINE:
        return _machine(webhook)
    if webhook.media_url:
        return _media(webhook, webhook.media_url)
    return _forward(webhook) if hook is HookKind.FORWARD else phone(webhook)


# ------------------------------------------------------------------ a reader per kind of leg


def _arrival(hook: HookKind, webhook: Webhook) -> WebhookReport:
    """The answer webhook. It has no time of its own: leg and conversation make it unique.

    A leg that was sent elsewhere and comes back is in another conversation.
    """
    named = webhook.leg
    if named is None or not (
        webhook.payload.get("uuid") and webhook.payload.get("conversation_uuid")
    ):
        raise BadRequest("Vonage: an answer webhook without uuid or conversation_uuid")
    leg, refs = replace(named, inbound=True), payloads.refs(named)
    fetched = webhook.event(EventKind.LEG_FETCHED, key=key_of(*refs, hook.value))
    events: tuple[CallEvent, ...] = (fetched,)
    if hook is HookKind.FALLBACK:
        data = {"what": "fallback", **fetched.data}  # Vonage's own word for the failure: "error"
        note = fetched._replace(
            kind=EventKind.NOTE, key=key_of(*refs, "reason"), data=data, token=None
        )
        events = (fetched, note)
    return WebhookReport(leg, events, asks=True, visit=payloads.visit(webhook.request))


def phone(webhook: Webhook) -> WebhookReport:
    """A status of the phone's own leg."""
    leg = webhook.leg
    if webhook.word == "completed":
        return _completed(webhook, leg)
    row = (PHONE_INBOUND if leg is not None and leg.inbound else PHONE).get(webhook.word)
    if row is None:  # "disconnected", which only a socket's leg has
        return _note(webhook)
    return WebhookReport(leg, (webhook.event(row.kind, reason=row.reason),))


def _completed(webhook: Webhook, leg: Leg | None) -> WebhookReport:
    """The last event of every phone leg that was not rejected. A specific end before it stays."""
    by = str(webhook.payload.get("disconnected_by") or "")
    event = webhook.event(
        EventKind.LEG_ENDED,
        reason=DISCONNECTED_BY.get(by, EndedReason.CUSTOMER_ENDED_CALL),
        unanswered_reason=None if was_answered(webhook.payload) else _unanswered(webhook.payload),
        generic=True,
    )
    return WebhookReport(leg, (event,), unknown=(by,) if by and by not in DISCONNECTED_BY else ())


def _wait(webhook: Webhook) -> WebhookReport:
    """A leg that waits asks again. The URL's token names the call: a notify names no leg."""
    dtmf = webhook.payload.get("dtmf")
    digits = dtmf.get("digits") if isinstance(dtmf, dict) else None
    return WebhookReport(None, asks=True, pressed=digits if isinstance(digits, str) else "")


def _unanswered(payload: Payload) -> EndedReason:
    # Where no side is named, the caller of a leg that called in is left.
    ended_by = payload.get("disconnected_by") or ("user" if inbound(payload) else None)
    by_user = ended_by == "user"
    inferred = SIP.get(whole(payload.get("sip_code")) or 0)
    if inferred is None:
        lost = EndedReason.CUSTOMER_DID_NOT_ANSWER
        inferred = lost if by_user else EndedReason.VONAGE_FAILED_TO_CONNECT_CALL
    gave_up = inferred is EndedReason.CUSTOMER_DID_NOT_ANSWER and inbound(payload)
    return EndedReason.CUSTOMER_ENDED_CALL if gave_up else inferred


def _media(webhook: Webhook, media_url: str) -> WebhookReport:
    row = MEDIA[webhook.word]
    completed = webhook.word == "completed"
    reason = row.reason
    if completed and webhook.payload.get("disconnected_by") == "user":
        reason = EndedReason.VONAGE_DISCONNECTED  # the user of this leg is our own server
    event = webhook.event(
        row.kind,
        reason=reason,
        generic=completed,
        stream=stream_id(media_url),
        data={"mediaLegRef": webhook.payload.get("uuid")},
    )
    return WebhookReport(webhook.leg, (event,), asks=row.asks, media_leg=True)


def _forward(webhook: Webhook) -> WebhookReport:
    """A status of the forward's leg. The URL's token names the call, so the report has no leg."""
    row = _forward_completed(webhook) if webhook.word == "completed" else FORWARD.get(webhook.word)
    if row is None:  # "disconnected", which only a socket's leg has
        return _note(webhook)
    data = {
        "what": "forward",
        "outcome": webhook.word,
        "forwardLegRef": webhook.payload.get("uuid"),
    }
    event = webhook.event(row.kind, reason=row.reason, data=data)
    return WebhookReport(None, (event, *_abandoned(event, webhook.word)), asks=row.asks)


def _forward_completed(webhook: Webhook) -> Row:
    if was_answered(webhook.payload):
        return Row(EventKind.FORWARD_ENDED, EndedReason.ASSISTANT_FORWARDED_CALL)
    return Row(EventKind.FORWARD_FAILED)  # the specific word waits for an NCCO; this one does not


def _abandoned(event: CallEvent, word: str) -> tuple[CallEvent, ...]:
    """The caller's end, if a forward was cancelled: only the side that placed a leg cancels it.

    In bypass mode no other event reports that the caller left.
    """
    if word != "cancelled":
        return ()
    left = event._replace(
        kind=EventKind.LEG_ENDED,
        key=f"{event.key}:leg",
        reason=EndedReason.CUSTOMER_ENDED_CALL,
        generic=True,
        token=None,
    )
    return (left,)


def _left_room(webhook: Webhook) -> WebhookReport:
    """The caller's conversation is over. The domain knows whether the operator had joined it."""
    event = webhook.event(
        EventKind.FORWARD_ENDED,
        reason=EndedReason.ASSISTANT_FORWARDED_CALL,
        data={"what": "forward"},
    )
    return WebhookReport(None, (event,), asks=True)


def _operator(webhook: Webhook) -> WebhookReport:
    """The operator's leg was answered, and asks for its NCCO. It has no time of its own."""
    leg = webhook.leg
    if leg is None:
        raise BadRequest("Vonage: an answer webhook without uuid or conversation_uuid")
    key = key_of(*payloads.refs(leg), HookKind.OPERATOR.value)
    event = _of_operator(webhook, EventKind.OPERATOR_ANSWERED, key=key)
    return WebhookReport(None, (event,), asks=True)


def _spoke(webhook: Webhook) -> WebhookReport:
    """The ``input`` action is over: with words, or without any in time."""
    event = _of_operator(webhook, EventKind.OPERATOR_ANSWERED, spoke=_has_spoken(webhook))
    return WebhookReport(None, (event,), asks=True)


def _has_spoken(webhook: Webhook) -> bool:
    speech = webhook.payload.get("speech")
    told = speech if isinstance(speech, dict) else {}
    return told.get("timeout_reason") != "start_timeout" and bool(told.get("results"))


def _briefed(webhook: Webhook) -> WebhookReport:
    """The NCCO is over, or an ``input`` action in it. Without an answer the NCCO goes on."""
    dtmf = webhook.payload.get("dtmf")
    pressed = bool(isinstance(dtmf, dict) and dtmf.get("digits"))
    is_input = "dtmf" in webhook.payload or "speech" in webhook.payload
    if is_input and not pressed and not _has_spoken(webhook):
        return WebhookReport(None, (_of_operator(webhook, EventKind.NOTE),))
    return WebhookReport(None, (_of_operator(webhook, EventKind.OPERATOR_BRIEFED),), asks=True)


def _talked(webhook: Webhook) -> WebhookReport:
    """A status of the leg to the operator's media socket, which may ask for what follows it."""
    row = MEDIA.get(webhook.word)
    if row is None or not row.asks:
        unknown = () if row or webhook.word in NOTES | STATUSES else (webhook.word,)
        return WebhookReport(None, (_of_socket(webhook, EventKind.NOTE),), unknown=unknown)
    return WebhookReport(None, (_of_socket(webhook, EventKind.OPERATOR_TALKED),), asks=True)


def _of_socket(webhook: Webhook, kind: EventKind) -> CallEvent:
    """An event of that leg. Its own id is not the operator's."""
    event = _of_operator(webhook, kind)
    named = event.data.get("forwardLegRef")
    told = {name: value for name, value in event.data.items() if name != "forwardLegRef"}
    return event._replace(data={**told, "mediaLegRef": named} if named else told)


def _operator_status(webhook: Webhook) -> WebhookReport:
    word = webhook.word
    ended = word == "completed" or (word in PHONE and word not in OPERATOR)
    kind = EventKind.OPERATOR_ENDED if ended else OPERATOR.get(word, EventKind.NOTE)
    facts = {"outcome": word} if ended else {"machine": True} if word == "machine" else {}
    unknown = () if ended or word in NOTES | STATUSES else (word,)
    return WebhookReport(None, (_of_operator(webhook, kind, **facts),), unknown=unknown)


def _of_operator(
    webhook: Webhook, kind: EventKind, *, key: str | None = None, **facts: Any
) -> CallEvent:
    """An event about another leg than the call's own: the URL's token names the transfer."""
    named = webhook.payload.get("uuid") or webhook.payload.get("call_uuid")
    event = webhook.event(kind, key=key, data={**facts, "forwardLegRef": named} if named else facts)
    return event._replace(data={k: v for k, v in event.data.items() if k != "callRef"})


OF_OPERATORS: Mapping[HookKind, Callable[[Webhook], WebhookReport]] = {
    HookKind.OPERATOR: _operator,
    HookKind.SPOKE: _spoke,
    HookKind.BRIEFED: _briefed,
    HookKind.TALKED: _talked,
    HookKind.OPERATOR_STATUS: _operator_status,
}


def _machine(webhook: Webhook) -> WebhookReport:
    data = {"answeredBy": webhook.word, "machine": MACHINE[webhook.word]}
    return WebhookReport(webhook.leg, (webhook.event(EventKind.MACHINE_DETECTED, data=data),))


def _note(webhook: Webhook) -> WebhookReport:
    kind = EventKind.RECORDED if webhook.word == "record" else EventKind.NOTE
    event = webhook.event(kind, data={"what": webhook.word})
    unknown = () if webhook.word in NOTES | STATUSES else (webhook.word,)
    return WebhookReport(
        webhook.leg, (event,), media_leg=webhook.media_url is not None, unknown=unknown
    )
