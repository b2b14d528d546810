""""""

from __future__ import annotations

from typing import Protocol

from app.media.stream import MediaStream
from providers.events import EndedReason


class AssistantFailed(Exception):
    """An assistant cannot go on; ``str()`` is written for the operator and holds no secret."""


class AssistantBackend(Protocol):
    """What answers a line."""

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Talk until the call should end, and say why; None means ``assistant-ended-call``.

        Iterating over the line stops when the carrier has gone: return soon then, the result no
        longer counts. Cancelled when the call ends by another cause. An exception ends the call
        with ``assistant-error``; its text is recorded only if it is ``AssistantFailed``.
        """
        ...
