"""``call.artifact.upload``: whether each of a call's files could be stored.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.calls.record import CallTx
from app.domain.reporting import server_messages

UPLOAD = "call.artifact.upload"


def queue(tx: CallTx, kinds: Iterable[str], *, stored: bool) -> None:
    """Queue the message, if the server lists it. ``kinds``: of recordings."""
    artifacts = [{"type": f"recording-{kind}", "success": stored} for kind in kinds]
    server_messages.queue(tx, UPLOAD, {"artifacts": artifacts})
