"""A leg as Vonage's API shows it, in the events that its webhooks would have brought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from providers.base.rest import LegState
from providers.base.webhook import WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EventKind
from providers.vonage import payload, webhooks
from providers.vonage.event import Webhook, time
from providers.vonage.fields import typed
from providers.vonage.statuses import MACHINE, PHONE


def state(resource: payload.Payload, now: datetime) -> LegState:
    """The events of a leg from ``GET /v1/calls/{uuid}``. Raises ``BadRequest``.

    Its fields are those of the events, but its parties are endpoints. It does not say who hung
    up, or why a "completed" leg was never answered. The user counts as the reason.
    https://developer.vonage.com/en/api/voice#getCall
    """
    raw = payload.clean(dict(resource))
    parties = {name: _number(resource.get(name)) for name in ("from", "to")}
    fields = typed({"disconnected_by": "user", **raw, **parties})
    webhook = Webhook(WebhookRequest("GET", "", (), b"", now), fields, payload.word(fields), raw)
    leg = webhook.leg
    if leg is None:
        raise BadRequest("Vonage: a leg without uuid")
    told = (each._replace(key=f"reconciled:{each.kind}", raw=raw) for each in _events(webhook, now))
    return LegState(leg, webhook.word, tuple(told))


def _events(webhook: Webhook, now: datetime) -> tuple[CallEvent, ...]:
    """The events. An answered leg may be ``completed``, so that word yields the answer too."""
    completed = webhook.word == "completed"
    events: tuple[CallEvent, ...] = ()
    if webhook.word in MACHINE or (completed and payload.was_answered(webhook.payload)):
        at = time(webhook.payload.get("start_time")) or now
        events = (webhook.event(EventKind.LEG_ANSWERED)._replace(at=at),)
    return events + (webhooks.phone(webhook).events if completed or webhook.word in PHONE else ())


def _number(endpoint: Any) -> str | None:
    named = endpoint if isinstance(endpoint, dict) else {}
    return named.get("number") or named.get("uri")
