"""A call's row as the Call object clients read: names and omissions as on Vapi's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.context import Context, iso
from app.domain.live.monitor import listen_url
from app.domain.reporting import recording_links
from app.domain.reporting.artifact import KEPT, artifact
from providers.events import CallStatus

API_LINK_SECONDS = 3600.0
"""A link in an answer of the API; whoever asks again gets a fresh one."""

BODY_FIELDS = (
    "assistant",
    "assistantOverrides",
    "customer",
    "phoneNumber",
    "metadata",
    "name",
    "phoneCallProviderReturnUrl",
    "endedMessage",
    "forwardedPhoneNumber",
    "destination",
    "transcript",
    "summary",
    "analysis",
    "messages",
    "costs",
)
"""Kept in ``calls.body`` under their own names."""


def call_json(
    context: Context, row: Mapping[str, Any], link_seconds: float = API_LINK_SECONDS
) -> dict[str, Any]:
    """The whole Call. What is not known yet is absent; links are good for ``link_seconds``."""
    body = row["body"]
    call = {
        "id": row["id"],
        "orgId": row["org_id"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "type": row["type"],
        "phoneCallProvider": row["provider"],
        "phoneCallTransport": _transport(row["resolved"]),
        "status": row["status"],
        "endedReason": row["ended_reason"],
        "maxDurationSeconds": row["max_duration"],
        "startedAt": iso(row["started_at"]),
        "endedAt": iso(row["ended_at"]),
        "cost": body.get("cost", 0),
        "costBreakdown": body.get("costBreakdown", {"total": 0}),
        "phoneCallProviderId": row["provider_call_id"],
        "phoneCallProviderBypassEnabled": row["bypass"],
        "phoneCallProviderDetails": context.vault.open(row["secret"]).get("details"),
        "assistantId": row["assistant_id"],
        "customerId": row["customer_id"],
        "phoneNumberId": row["phone_number_id"],
        "monitor": _monitor(context, row),
        **{name: body.get(name) for name in BODY_FIELDS},
    }
    if row["resolved"].get(recording_links.LINKED):
        call |= recording_links.of(context, row, link_seconds)
    known = {name: value for name, value in call.items() if value is not None}
    return {**known, "artifact": artifact(known)} if known.keys() & KEPT else known


def opens_control(context: Context, call_id: str, token: str) -> bool:
    """Whether this is the token of the call's ``monitor.controlUrl``."""
    return context.vault.is_signed(_control_scope(call_id), token)


def control_url(context: Context, call_id: str) -> str:
    """The holder of this URL may control the call, as at Vapi."""
    token = context.vault.sign(_control_scope(call_id))
    return f"{context.settings.public_url}/call/{call_id}/control?token={token}"


def _control_scope(call_id: str) -> str:
    return f"control {call_id}"


def _monitor(context: Context, row: Mapping[str, Any]) -> dict[str, str]:
    listen = None if row["status"] == CallStatus.ENDED else listen_url(context, row)
    return {
        "controlUrl": control_url(context, row["id"]),
        **({"listenUrl": listen} if listen else {}),
    }


def _transport(resolved: Mapping[str, Any]) -> str:
    customer = resolved.get("customer") or {}
    return "sip" if customer.get("sipUri") else "pstn"
