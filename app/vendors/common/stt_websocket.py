"""A transcriber over a websocket, for vendors without a service in pipecat.

pipecat opens the socket, reopens it after a loss, and reports failures. A subclass greets its
server, encodes audio, and reads the answers.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from uuid import uuid4

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.time import time_now_iso8601
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.net.authentication import AuthenticationFailed, Outgoing, Signer
from app.net.threads import run_in_thread
from app.net.websocket import open_socket
from app.vendors.common.pinned_sockets import PinnedSockets

# For a socket that replaces a lost one. ``ConnectTimeout`` bounds the first.
OPEN_SECONDS = 8.0
MAX_MESSAGE = 256 * 1024
# From the caller's last word to its final text, for nearly all turns. Turn detection waits so long
# for a missing text. It is pipecat's default; these servers are not measured.
LATENCY_SECONDS = 1.0


class Rejected(Exception):
    """The server refuses us. Another attempt would get the same answer."""


class TooManyStreams(ConnectionError):
    """The server has too many callers just now."""


TELLING = (Rejected, TooManyStreams, InvalidStatus)


class SocketTranscriber(PinnedSockets, WebsocketSTTService):
    """``settings.language`` is a code of the server's own, or None."""

    _websocket: ClientConnection | None

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
        self.signer: Signer | None = None
        self._receive_task: asyncio.Task[None] | None = None

    # -- what a subclass says

    @abstractmethod
    async def greet(self, socket: ClientConnection) -> None:
        """Prepare the socket for audio. Raises ``Rejected`` for good; other errors are retried."""

    @abstractmethod
    async def encode(self, pcm: bytes) -> str | bytes:
        """The message for 16-bit mono at ``sample_rate``; empty: none yet."""

    @abstractmethod
    async def hear(self, message: str | bytes) -> None:
        """Take one message of the server, and call ``say`` for its texts."""

    def finish(self) -> str | None:
        """The message that asks for the last words of a turn; None: the server has none."""
        return None

    async def say(
        self, text: str, *, final: bool, result: object = None, finished: bool = False
    ) -> None:
        """Push a text of the caller. ``finished``: it holds the last words of a turn."""
        if not text.strip():
            return
        if final:
            await self.emit_stt_usage_metrics()  # type: ignore[no-untyped-call]  # the engine's gap
        kind = TranscriptionFrame if final else InterimTranscriptionFrame
        frame = kind(text.strip(), self._user_id, time_now_iso8601(), None, result)
        if isinstance(frame, TranscriptionFrame):
            frame.finalized = finished
        await self.push_frame(frame)

    # -- what the engine asks

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(  # type: ignore[override]  # as the engine's own base does
        self, setup: FrameProcessorSetup
    ) -> None:
        await super().setup(setup)
        await self._connect()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame) and (message := self.finish()):
            await self._send(message)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio. Without a socket it is lost."""
        if message := await self.encode(audio):
            await self._send(message)
        yield None

    async def _send(self, message: str | bytes) -> None:
        socket = self._websocket
        if socket is not None:
            with suppress(ConnectionClosed):  # the reader of the socket opens another
                await socket.send(message)

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
            # Another error's text may hold the URL, and the URL a password.
            text = str(error) if isinstance(error, TELLING) else type(error).__name__
            await self.push_error(f"cannot connect: {text}", exception=error, category=category)

    async def _open(self) -> ClientConnection:
        try:
            socket = await self._open_signed(rejected=False)
        except InvalidStatus as error:
            if error.response.status_code != 401 or self.signer is None or not self.signer.waits:
                raise
            socket = await self._open_signed(rejected=True)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.greet(socket)
        except BaseException:
            socket.transport.abort()
            raise
        self.note_socket(socket)
        return socket

    async def _open_signed(self, *, rejected: bool) -> ClientConnection:
        return await open_socket(
            self._url,
            self.addresses,
            headers={**self._headers, **await self._proof(rejected=rejected)},
            seconds=OPEN_SECONDS,
            close_seconds=self._ws_close_timeout,
            max_message=MAX_MESSAGE,
        )

    async def _proof(self, *, rejected: bool) -> Mapping[str, str]:
        """The headers of the server's credential, for a handshake without a body."""
        signer = self.signer
        if signer is None:
            return {}
        asked = Outgoing(self._url, b"", str(uuid4()), int(time.time()), "GET")
        try:
            if not signer.waits:
                return signer.headers(asked)
            return await run_in_thread(lambda: signer.headers(asked, rejected=rejected))
        except AuthenticationFailed as error:
            raise Rejected(str(error)) from error

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
    """A text of a JSON object; empty if it is absent."""
    value = message.get(name) if isinstance(message, Mapping) else None
    return value if isinstance(value, str) else ""
