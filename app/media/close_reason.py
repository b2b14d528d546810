"""How a media socket ends. Several causes may come at once; the first one holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

from providers.events import EndedReason


class CloseCause(Enum):
    """Who ended it, and so what is reported."""

    STOPPED = "stopped"
    """The carrier said that the stream is over: reported as stopped."""
    LOST = "lost"
    """Closed without that word, or closed by us for what was sent on it: reported as lost."""
    OURS = "ours"
    """The assistant's side ends the call: an intent, committed before the socket is closed."""
    OVER = "over"
    """The call has ended by another cause, which has its own record: nothing is reported."""
    SHUTDOWN = "shutdown"
    """This process stops: reported as lost, so that the leg is put through again elsewhere."""
    CUT = "cut"
    """The same, and there is no elsewhere: an intent, and the last words are not waited for."""


@dataclass(frozen=True, slots=True)
class CloseReason:
    """``code`` and ``word`` go into our close frame; ``reason`` and ``message`` into an intent."""

    cause: CloseCause
    code: int = 1000
    word: str = ""
    reason: EndedReason = EndedReason.ASSISTANT_ENDED_CALL
    message: str | None = None


class CloseOnce:
    """One socket's ending, decided once."""

    def __init__(self) -> None:
        self._future: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()

    def set(self, reason: CloseReason) -> None:
        """Decide, unless it is decided."""
        if not self._future.done():
            self._future.set_result(reason)

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._future.done()

    async def wait(self) -> CloseReason:
        """Wait for the decision."""
        return await asyncio.shield(self._future)
