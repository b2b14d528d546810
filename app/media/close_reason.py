"""Why a media socket closes. Several causes may come at once; the first one holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

from providers.events import EndedReason


class CloseCause(Enum):
    """What closed the socket. It decides which event is stored."""

    STOPPED = "stopped"
    """The carrier sent its stop: ``media.stopped`` is stored."""
    LOST = "lost"
    """The socket closed without a stop, or we closed it for invalid messages: ``media.lost`` is
    stored.
    """
    OURS = "ours"
    """Our side ends the call. The intent is committed before the socket is closed."""
    OVER = "over"
    """The call has ended by another cause, which has its own event: nothing is stored."""
    SUPERSEDED = "superseded"
    """The carrier has asked for the leg's next document, or opened its socket: this one is stale.
    ``media.lost`` is stored, and the assistant is not waited for.
    """
    SHUTDOWN = "shutdown"
    """This process stops, and another takes the call: ``media.lost`` is stored, so that the leg
    reattaches there.
    """
    CUT = "cut"
    """This process stops, and no other can take the call: an intent is stored. The last words are
    not waited for.
    """


@dataclass(frozen=True, slots=True)
class CloseReason:
    """``code`` and ``word`` go into our close frame; ``reason`` and ``message`` into an intent."""

    cause: CloseCause
    code: int = 1000
    word: str = ""
    reason: EndedReason = EndedReason.ASSISTANT_ENDED_CALL
    message: str | None = None


class CloseOnce:
    """The close reason of one socket, set once."""

    def __init__(self) -> None:
        self._future: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()

    def set(self, reason: CloseReason) -> None:
        """Set the reason, unless one is set."""
        if not self._future.done():
            self._future.set_result(reason)

    @property
    def is_set(self) -> bool:
        """Whether a reason is set."""
        return self._future.done()

    async def wait(self) -> CloseReason:
        """Wait for the reason."""
        return await asyncio.shield(self._future)
