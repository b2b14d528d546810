"""Permission to listen to a live call, and the process that has its audio.

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
"""Backends whose own audio we do not decode: a listener would hear only the caller."""
SCOPE = "listen {}"
"""What the token of ``monitor.listenUrl`` signs, with the call's id."""


def listen_url(context: Context, call: Call) -> str | None:
    """The URL to listen to a call that is not over; None where listening is not allowed."""
    if not _allowed(context, call):
        return None
    base = context.settings.own_media_base or context.settings.media_bases[0]
    return f"{base}/listen/{call.id}?token={context.vault.sign(SCOPE.format(call.id))}"


def find(context: Context, call_id: str, token: str) -> MonitorEndpoint | None:
    """The media hub with the call's audio; None if not in progress. Raises ``Refused``."""
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
    audible = backend not in NOT_AUDIBLE and not assistant.transport.by_carrier
    return assistant.may_be_listened_to and audible
