"""What a media session expects of an assistant backend."""

from __future__ import annotations

from typing import Protocol

from app.media.stream import MediaStream
from providers.events import EndedReason


class AssistantFailed(Exception):
    """An assistant cannot go on. ``str()`` is written for the operator and holds no secret."""


class AssistantBackend(Protocol):
    """What answers a media stream: a voice agent, an echo, a relay."""

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Talk until the call should end, and return why; None means ``assistant-ended-call``.

        Iteration over the stream stops when the carrier has gone. Return soon then: the result no
        longer counts. The task is cancelled when the call ends by another cause. An exception ends
        the call with ``assistant-error``; its text is stored only if it is ``AssistantFailed``.
        """
        ...
