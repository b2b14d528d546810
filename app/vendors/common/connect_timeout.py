"""A connect timeout for transcribers.

pipecat's services connect while the pipeline is set up, and no word is spoken before. A
server that accepts a connection and stays silent would make the caller wait. With pipecat 1.14
that was 38 seconds for Deepgram, and 5 minutes for Gladia.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from pipecat.frames.frames import ErrorFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.stt_service import STTService
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection

from app.vendors.common.clean_text import CleanText
from app.vendors.common.pinned_sockets import closing_words

CONNECT_SECONDS = 5.0


class ConnectTimeout(CleanText, STTService):
    """A mixin, named before the vendor's own class."""

    # Held in reserve: it connects when it takes over.
    standby = False
    _is_waiting = False
    # The last two.
    _sockets: tuple[ClientConnection, ...] = ()

    async def _connect(self) -> None:
        """Called by the vendor's own class, once it is set up."""
        if self.standby:
            self._is_waiting = True
        else:
            await super()._connect()  # type: ignore[misc]  # of the class that is mixed with

    def note_socket(self, socket: ClientConnection) -> None:
        """Called with each socket that opens."""
        self._sockets = (*self._sockets[-1:], socket)

    @property
    def closing(self) -> str:
        """What the server said when it last closed a socket; empty: nothing."""
        return next(filter(None, map(closing_words, reversed(self._sockets))), "")

    async def push_error_frame(
        self, error: ErrorFrame, force_treat_as_permanent: bool = False
    ) -> None:
        """Report an error, with what the server said when it closed the socket."""
        if self.closing and error.exception is None:
            error.error = f"{error.error}; {self.closing}"
        await super().push_error_frame(error, force_treat_as_permanent)

    async def take_over(self) -> None:
        """Connect now, as the transcriber before this one has failed."""
        self.standby = False
        if self._is_waiting:
            self._is_waiting = False
            await self._in_time(self._connect())

    async def stand_down(self) -> None:
        """Close the connection: another transcriber hears the call."""
        await self._disconnect()  # type: ignore[attr-defined]  # as above

    async def setup(  # type: ignore[override]  # as the engine's own base does
        self, setup: FrameProcessorSetup
    ) -> None:
        """Report a failure as final, instead of ending the setup of the whole pipeline."""
        await self._in_time(super().setup(setup))

    async def _in_time(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await work
        except TimeoutError:
            text = f"not connected within {CONNECT_SECONDS:g} s"
            category = ErrorCategory.CONNECTIVITY
            await self.push_error(text, category=category, force_treat_as_permanent=True)
        except Exception as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
