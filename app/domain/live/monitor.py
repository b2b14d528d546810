"""Who may listen to a live call, and which process has its sound.

https://docs.vapi.ai/calls/call-features
"""

from __future__ import annotations

from app.domain.calls import record
from app.domain.calls.facts import MonitorEndpoint
from app.domain.calls.record import Call
from app.domain.context import Context
from providers.errors import Refused
from providers.events import CallStatus

NOT_AUDIBLE = frozenset({"stream"})
"""Backends whose own sound goes past us unread: half a conversation is not offered."""
SCOPE = "listen {}"
"""What the token of ``monitor.listenUrl`` signs, with the call's id."""


def listen_url(context: Context, call: Call) -> str | None:
    """Of a call that is not over; None where it may not be listened to."""
    if not _allowed(context, call):
        return None
    base = context.settings.own_media_base or context.settings.media_bases[0]
    return f"{base}/listen/{call.id}?token={context.vault.sign(SCOPE.format(call.id))}"


def find(context: Context, call_id: str, token: str) -> MonitorEndpoint | None:
    """Where the call is heard; None when it is not in progress. Raises ``Refused``."""
    if not context.vault.is_signed(SCOPE.format(call_id), token):
        raise Refused("the listener's token is not this call's")
    with context.store.read() as conn:
        call = record.get(conn, call_id)
    if call is None or not _allowed(context, call):
        raise Refused("the call cannot be listened to")
    return call.facts.heard_at if call.status == CallStatus.IN_PROGRESS else None


def _allowed(context: Context, call: Call) -> bool:
    assistant = call.facts.assistant
    backend = assistant.transport.backend(context.settings)
    return assistant.may_be_listened_to and backend not in NOT_AUDIBLE
