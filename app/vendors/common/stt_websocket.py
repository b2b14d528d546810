"""A transcriber behind a websocket that the media engine has no service for.

Opening, opening again after a loss, the end, and the reports of failures are the engine's;
a subclass says how its server is greeted, what sound looks like, and what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from pipecat.frames.frames import Frame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.time import time_now_iso8601
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.net.types import Addresses
from app.net.websocket import open_socket

OPEN_SECONDS = 8.0
"""For a socket that replaces a lost one; ``prompt`` bounds the first."""
SEND_SECONDS = 5.0
"""How long a server may not take sound before its socket counts as lost."""
MAX_MESSAGE = 256 * 1024
LATENCY_SECONDS = 1.0
"""From the caller's last word to its final text, of nearly all turns: how long the turn detector
waits for a text that does not come. The engine's own default; nobody has measured these servers.
"""


class Rejected(Exception):
    """The server does not want us; asking again gives the same answer."""


class TooManyStreams(ConnectionError):
    """The server has too many callers just now."""


TELLING = (Rejected, TooManyStreams, InvalidStatus)


class SocketTranscriber(WebsocketSTTService):
    """``settings.language`` is a code of the server's own, or None."""

    _websocket: ClientConnection | None
    addresses: Addresses | None = None
    """The rule for where the server may be; None: it is the vendor's, or was judged before."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        sample_rate: int,
        *,
        model: str | None = None,
        language: str | None = None,
    ) -> None:
        super().__init__(
            sample_rate=sample_rate,
            ttfs_p99_latency=LATENCY_SECONDS,
            settings=STTSettings(model=model, language=language),
        )
        self._url = url
        self._headers = dict(headers)
        self._receive_task: asyncio.Task[None] | None = None

    # -- what a subclass says

    async def greet(self, socket: ClientConnection) -> None:
        """Before sound may be sent. Raises ``Rejected``; ``TooManyStreams`` or anything else is tried again."""
        raise NotImplementedError

    async def encode(self, pcm: bytes) -> bytes:
        """The message for 16-bit mono at ``sample_rate``; empty: none yet."""
        raise NotImplementedError

    async def hear(self, message: str | bytes) -> None:
        """One message of the server. Calls ``say``."""
        raise NotImplementedError

    async def say(self, text: str, *, final: bool, result: object = None) -> None:
        """Push what the caller was understood to say."""
        if not text.strip():
            return
        if final:
            await self.emit_stt_usage_metrics()  # type: ignore[no-untyped-call]  # the engine's gap
        kind = TranscriptionFrame if final else InterimTranscriptionFrame
        frame = kind(text.strip(), self._user_id, time_now_iso8601(), None, result)
        await self.push_frame(frame)

    # -- what the engine asks

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(  # type: ignore[override]  # as the engine's own base does
        self, setup: FrameProcessorSetup
    ) -> None:
        await super().setup(setup)
        await self._connect()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Sound that comes while there is no socket is lost."""
        message = await self.encode(audio)
        socket = self._websocket
        if socket is not None and message:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send(message)
            except ConnectionClosed:
                pass  # whoever reads the socket opens another
            except TimeoutError:
                socket.transport.abort()
        yield None

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call]  # the engine's gap
        await self._connect_websocket()
        if self._receive_task is None:  # also without a socket: its loop tries again
            self._receive_task = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self) -> None:
        await super()._disconnect()  # type: ignore[no-untyped-call]  # the engine's gap
        if self._receive_task is not None:
            await self.cancel_task(self._receive_task)
            self._receive_task = None
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        try:
            self._websocket = await self._open()
        except Exception as error:
            category = ErrorCategory.AUTHENTICATION if isinstance(error, Rejected) else None
            # another error's text may hold the URL, and that a password
            text = str(error) if isinstance(error, TELLING) else type(error).__name__
            await self.push_error(f"cannot connect: {text}", exception=error, category=category)

    async def _open(self) -> ClientConnection:
        socket = await open_socket(
            self._url,
            self.addresses,
            headers=self._headers,
            seconds=OPEN_SECONDS,
            close_seconds=self._ws_close_timeout,
            max_message=MAX_MESSAGE,
        )
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.greet(socket)
        except BaseException:
            socket.transport.abort()
            raise
        return socket

    async def _disconnect_websocket(self) -> None:
        socket, self._websocket = self._websocket, None
        if socket is not None:
            await socket.close()

    async def _receive_messages(self) -> None:
        if self._websocket is None:
            raise ConnectionError("not connected")
        async for message in self._websocket:
            await self.hear(message)


def field(message: object, name: str) -> str:
    """A text of a JSON object, empty where there is none."""
    value = message.get(name) if isinstance(message, Mapping) else None
    return value if isinstance(value, str) else ""
