"""Who may listen to a live call, and which process has its sound.

https://docs.vapi.ai/calls/call-features
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.assistant.config import backend_of
from app.domain.context import Core, Row
from app.store import calls
from providers.errors import Refused
from providers.events import CallStatus

UNHEARD = frozenset({"stream"})
"""Backends whose own sound goes past us unread: half a conversation is not offered."""
KEY = "heardAt"
"""In ``calls.resolved``: the place of the socket that joined last."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process lets the others of its machine hear its calls: a Unix socket."""

    host: str
    path: str


def listen_url(core: Core, row: Mapping[str, Any]) -> str | None:
    """None for a call that cannot be listened to."""
    if row["status"] == CallStatus.ENDED or not _allowed(core, row):
        return None
    base = core.settings.own_media_base or core.settings.media_bases[0]
    return f"{base}/listen/{row['id']}?token={core.vault.sign(_scope(row['id']))}"


def noted(resolved: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """``calls.resolved`` with the place where the call is heard from now on."""
    return {**resolved, KEY: asdict(place)}


def find(core: Core, call_id: str, token: str) -> Place | None:
    """Where the call is heard; None when it is not in progress. Raises ``Refused``."""
    if not core.vault.is_signed(_scope(call_id), token):
        raise Refused("the listener's token is not this call's")
    with core.store.read() as conn:
        found = calls.get(conn, call_id)
    if found is None or not _allowed(core, found):
        raise Refused("the call cannot be listened to")
    row: Row = dict(found)
    place = row["resolved"].get(KEY)
    if row["status"] != CallStatus.IN_PROGRESS or place is None:
        return None
    return Place(**place)


def _scope(call_id: str) -> str:
    """What the token of ``monitor.listenUrl`` is good for: the sound of this call."""
    return f"listen {call_id}"


def _allowed(core: Core, row: Mapping[str, Any]) -> bool:
    assistant = row["resolved"].get("assistant", {})
    plan = assistant.get("monitorPlan")
    refused = isinstance(plan, Mapping) and plan.get("listenEnabled") is False
    return not refused and backend_of(assistant, core.settings)[0] not in UNHEARD
