"""Events of a forward that this program causes itself."""

from __future__ import annotations

from typing import Any

from app.domain.context import Context
from providers.events import CallEvent, EventKind


def forward_event(context: Context, kind: EventKind, forward_id: str, **data: Any) -> CallEvent:
    """One step of a forward, which happens now. The same step again is the same event."""
    return CallEvent(
        kind,
        at=context.now(),
        key=f"{kind}:{forward_id}",
        data={"forward": forward_id, **data},
    )
