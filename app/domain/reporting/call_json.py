"""A call's row as Vapi's Call object, with the names and omissions of Vapi's page."""

from __future__ import annotations

from functools import partial
from itertools import compress
from operator import is_not

from app.domain.calls import web_calls
from app.domain.calls.record import Call
from app.domain.context import Context, iso
from app.domain.live.monitor import listen_url
from app.domain.reporting import recording_links
from app.domain.reporting.artifact import KEPT, ONLY_HERE, artifact
from providers.common.json_types import JsonDict
from providers.events import CallStatus

API_LINK_SECONDS = 3600.0
"""Seconds that a link in an API answer is valid; each request gets a new link."""
CONTROL_SCOPE = "control {}"
"""What the token of ``monitor.controlUrl`` signs, with the call's id."""

DEBUGGING = "inboundPhoneCallDebuggingArtifacts"
"""Field of a Call that no assistant answered: why not."""
BODY_FIELDS = (
    "assistant",
    "assistantOverrides",
    "squad",
    "squadOverrides",
    "customer",
    "phoneNumber",
    "metadata",
    "name",
    "phoneCallProviderReturnUrl",
    "schedulePlan",
    "endedMessage",
    DEBUGGING,
    "forwardedPhoneNumber",
    "destination",
    "queue",
    "transcript",
    "summary",
    "analysis",
    "messages",
    "costs",
)
"""Fields that ``calls.body`` stores under the same names."""

_is_known = partial(is_not, None)


def call_json(context: Context, call: Call, link_seconds: float = API_LINK_SECONDS) -> JsonDict:
    """The whole Call. Unknown fields are absent; links are valid for ``link_seconds``."""
    body = call.body
    shown = {
        "id": call.id,
        "orgId": call.org_id,
        "createdAt": iso(call.created_at),
        "updatedAt": iso(call.updated_at),
        "type": call.type,
        "phoneCallProvider": call.provider,
        "phoneCallTransport": "sip" if call.facts.customer.get("sipUri") else "pstn",
        "status": call.status,
        "endedReason": call.ended_reason,
        "maxDurationSeconds": call.max_duration,
        "startedAt": iso(call.started_at),
        "endedAt": iso(call.ended_at),
        "cost": body.get("cost", 0),
        "costBreakdown": body.get("costBreakdown", {"total": 0}),
        "phoneCallProviderId": call.provider_call_id,
        "phoneCallProviderBypassEnabled": call.bypass,
        "phoneCallProviderDetails": context.vault.open(call.secret).get("details"),
        "assistantId": call.assistant_id,
        "squadId": call.squad_id,
        "customerId": call.customer_id,
        "phoneNumberId": call.phone_number_id,
        "monitor": _monitor(context, call),
        **dict(zip(BODY_FIELDS, map(body.get, BODY_FIELDS), strict=True)),
    }
    if call.type in web_calls.TYPES:
        shown |= web_calls.shown(context, call)
    if call.facts.recordings:
        shown |= recording_links.of(context, call, link_seconds)
    known = dict(compress(shown.items(), map(_is_known, shown.values())))
    if not (known.keys() & KEPT or body.keys() & ONLY_HERE):
        return known
    return {**known, "artifact": artifact(known, body)}


def opens_control(context: Context, call_id: str, token: str) -> bool:
    """Whether the token is that of the call's ``monitor.controlUrl``."""
    return context.vault.is_signed(CONTROL_SCOPE.format(call_id), token)


def control_url(context: Context, call_id: str) -> str:
    """The URL whose holder may control the call, as at Vapi."""
    token = context.vault.sign(CONTROL_SCOPE.format(call_id))
    return f"{context.settings.public_url}/call/{call_id}/control?token={token}"


def _monitor(context: Context, call: Call) -> dict[str, str]:
    listen = None if call.status == CallStatus.ENDED else listen_url(context, call)
    controlled = call.facts.assistant.may_be_controlled
    return {
        **({"controlUrl": control_url(context, call.id)} if controlled else {}),
        **({"listenUrl": listen} if listen else {}),
    }
