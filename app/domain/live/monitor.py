"""Who may listen to a live call, and which process has its sound.

https://docs.vapi.ai/calls/call-features
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.assistant.config import backend_of
from app.domain.context import Context, Row
from app.store import calls
from providers.errors import Refused
from providers.events import CallStatus

NOT_AUDIBLE = frozenset({"stream"})
"""Backends whose own sound goes past us unread: half a conversation is not offered."""
KEY = "heardAt"
"""In ``calls.resolved``: the place of the socket that joined last."""


@dataclass(frozen=True, slots=True)
class MonitorEndpoint:
    """Where a process lets the others of its machine hear its calls: a Unix socket."""

    host: str
    path: str


def listen_url(context: Context, row: Mapping[str, Any]) -> str | None:
    """Of a call that is not over; None where it may not be listened to."""
    if not _allowed(context, row):
        return None
    base = context.settings.own_media_base or context.settings.media_bases[0]
    return f"{base}/listen/{row['id']}?token={context.vault.sign(_scope(row['id']))}"


def with_endpoint(resolved: Mapping[str, Any], place: MonitorEndpoint) -> dict[str, Any]:
    """``calls.resolved`` with the place where the call is heard from now on."""
    return {**resolved, KEY: asdict(place)}


def find(context: Context, call_id: str, token: str) -> MonitorEndpoint | None:
    """Where the call is heard; None when it is not in progress. Raises ``Refused``."""
    if not context.vault.is_signed(_scope(call_id), token):
        raise Refused("the listener's token is not this call's")
    with context.store.read() as conn:
        found = calls.get(conn, call_id)
    if found is None or not _allowed(context, found):
        raise Refused("the call cannot be listened to")
    row: Row = dict(found)
    place = row["resolved"].get(KEY)
    if row["status"] != CallStatus.IN_PROGRESS or place is None:
        return None
    return MonitorEndpoint(**place)


def _scope(call_id: str) -> str:
    """What the token of ``monitor.listenUrl`` is good for: the sound of this call."""
    return f"listen {call_id}"


def _allowed(context: Context, row: Mapping[str, Any]) -> bool:
    assistant = row["resolved"].get("assistant", {})
    plan = assistant.get("monitorPlan")
    refused = isinstance(plan, Mapping) and plan.get("listenEnabled") is False
    return not refused and backend_of(assistant, context.settings)[0] not in NOT_AUDIBLE
