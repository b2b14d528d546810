"""The backend ``vapi``: the assistant is a call at Vapi, or at another server with its API.

Patchbay keeps the leg, and connects to the stream of the upstream's call as the carrier would. It
carries sound, keys and marks both ways, at the rate of each side. So every carrier, our recording
and listening work as with the other backends. docs/upstream-vapi.md says more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from types import ModuleType

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.assistants.remote_stream import NORMAL, open_stream
from app.domain.assistant.upstream import reason_of
from app.domain.legs.upstream import NoStream, UpstreamStream
from app.domain.live.control import UPSTREAM_ENDED
from app.domain.services.media import StreamClaim
from app.media.backend import AssistantFailed
from app.media.stream import MediaStream
from app.net.threads import run_in_thread
from app.telemetry.call_log import call_log
from providers.base.media import Audio, Cleared, Digit, MarkPlayed
from providers.base.stream_client import ClearAsked, MarkAsked, ServerFrame
from providers.common.json_types import JsonObject
from providers.errors import BadRequest
from providers.events import EndedReason

MAX_WAITING_SECONDS = 300.0
"""Audio of the upstream that is not sent to the carrier yet."""
WORD_SECONDS, BROKEN_SECONDS = 5.0, 1.0
"""From the end of the stream until the upstream has said why; the same of one that broke off."""
OPEN_AFTER_END_SECONDS = 10.0
"""How long a stream may stay open whose call has ended: its last words may come meanwhile."""
STOP_SECONDS = 0.5
"""For the last message of a stream: the session waits for ``grace_seconds``."""
MAX_MARKS, MAX_MARK_NAME = 1000, 1000
"""Marks that are not played yet, and characters of the name of one."""
UNSAID = "The upstream closed its stream, and has not said why."

Convert = Callable[[bytes], bytes]

log = call_log(__name__)


class Upstream:
    """The relay of one call."""

    def __init__(self, claim: StreamClaim) -> None:
        self._call_id = claim.call_id

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Run until one side has gone.

        Raises ``AssistantFailed`` for an upstream that makes no call, or breaks off.
        """
        try:
            upstream = await stream.call_context.open_upstream()
        except NoStream as error:
            raise AssistantFailed(str(error)) from error
        if stream.sample_rate != upstream.stream.client.sample_rate:
            await run_in_thread(_resampler)  # the first import takes long
        socket = await open_stream(
            upstream.stream.url, upstream.rule, upstream.stream.headers, "The upstream's stream"
        )
        word = asyncio.create_task(_word_of_end(stream, upstream.call_id))
        pump = Pump(stream, upstream, socket)
        leaving = asyncio.create_task(_leave_after(word, pump, socket))
        try:
            try:
                hung_up = await pump.run()
            finally:  # also of a call that ends otherwise: the upstream must not wait for its stream
                leaving.cancel()
                await _leave(pump, socket)
            if hung_up:  # the carrier has gone, and its end is stored
                return EndedReason.CUSTOMER_ENDED_CALL
            return await self._reason(stream, word, socket.close_code)
        finally:
            word.cancel()

    async def _reason(
        self, stream: MediaStream, word: asyncio.Task[JsonObject], code: int | None
    ) -> EndedReason | None:
        """What the upstream says of its end, which it tells by a message of its own."""
        await asyncio.wait([word], timeout=WORD_SECONDS if code in NORMAL else BROKEN_SECONDS)
        if word.done():
            told = word.result()
            reason, why = reason_of(told.get("endedReason"))
            stream.set_end_reason(reason, why or told.get("message") or None)
            return reason
        if code not in NORMAL:
            raise AssistantFailed(f"The upstream's stream broke off with {code}.")
        log.warning("call %s: %s", self._call_id, UNSAID, extra={"callId": self._call_id})
        stream.set_end_reason(EndedReason.ASSISTANT_ENDED_CALL, UNSAID)
        return EndedReason.ASSISTANT_ENDED_CALL


async def _word_of_end(stream: MediaStream, upstream_id: str) -> JsonObject:
    """Wait for the command that tells why this call at the upstream has ended."""
    while True:
        told = await stream.call_context.commands.get()
        if (told.get("type"), told.get("upstream")) == (UPSTREAM_ENDED, upstream_id):
            return told


async def _leave_after(
    word: asyncio.Task[JsonObject], pump: Pump, socket: ClientConnection
) -> None:
    """Close the stream of a call that has ended, if the upstream leaves it open.

    The caller would hear nothing, and the call would last as long as it may.
    """
    await asyncio.wait([word])
    await asyncio.sleep(OPEN_AFTER_END_SECONDS)
    await _leave(pump, socket)


async def _leave(pump: Pump, socket: ClientConnection) -> None:
    """Close the stream, also of an upstream that reads nothing more."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await pump.stop()
    finally:
        await socket.close()


class Pump:
    """Carries both directions of one stream."""

    def __init__(
        self, stream: MediaStream, upstream: UpstreamStream, socket: ClientConnection
    ) -> None:
        self._stream, self._socket = stream, socket
        self._client = upstream.stream.client
        self._marks = dict[str, str]()
        """Our name of a mark -> the upstream's, in its order, for those that are not played yet.

        The upstream's own may be that of our last words."""
        self._count = 0
        self._waiting = deque[bytes | str]()
        """Audio at the carrier's rate, and names of marks, in the upstream's order."""
        self._waiting_bytes = 0
        self._most = int(MAX_WAITING_SECONDS * stream.sample_rate * 2)
        self._changed = asyncio.Event()
        self._closed = False

    async def run(self) -> bool:
        """Run until one side has gone, and what the upstream said is played. True: the carrier."""
        up = asyncio.create_task(self._carry_up())
        down = asyncio.create_task(self._carry_down())
        play = asyncio.create_task(self._play())
        try:
            await asyncio.wait([up, down, play], return_when=asyncio.FIRST_COMPLETED)
            if down.done():
                await down  # raises what broke the stream off
                await asyncio.wait([up, play], return_when=asyncio.FIRST_COMPLETED)
            if play.done():
                await play
                return False
            await up
            return True
        finally:
            for task in (up, down, play):
                task.cancel()

    async def stop(self) -> None:
        """Tell the upstream that the stream is over."""
        with suppress(ConnectionClosed):
            await self._send(self._client.stop())

    async def _carry_up(self) -> None:
        """The caller's sound and keys, until the carrier has gone."""
        convert = _converter(self._stream.sample_rate, self._client.sample_rate)
        with suppress(ConnectionClosed):  # the other direction knows the close code
            await self._send(self._client.opening())
            async for item in self._stream:
                if isinstance(item, Audio):
                    await self._send(self._client.audio(convert(item.pcm)))
                elif isinstance(item, Digit):
                    await self._send(self._client.digit(item.digit))
                elif isinstance(item, MarkPlayed):
                    await self._played(item.name)
                elif isinstance(item, Cleared):
                    await self._played(*self._marks)  # some carriers return none after a clear
            return
        await asyncio.Event().wait()  # until what the upstream said is played

    async def _carry_down(self) -> None:
        """The upstream's sound, until it closes its stream."""
        convert = _converter(self._client.sample_rate, self._stream.sample_rate)
        try:
            async for message in self._socket:
                await self._take(self._client.decode(message), convert)
        except ConnectionClosed:
            return  # ``close_code`` holds the reason
        except BadRequest as error:
            raise AssistantFailed(f"The upstream sent {error}.") from error
        finally:
            self._closed = True
            self._changed.set()

    async def _take(self, frame: ServerFrame, convert: Convert) -> None:
        if isinstance(frame, Audio):
            self._put(convert(frame.pcm))
        elif isinstance(frame, MarkAsked):
            if len(self._marks) >= MAX_MARKS or len(frame.name) > MAX_MARK_NAME:
                raise AssistantFailed(
                    "The upstream sent more marks, or a longer one, than can wait."
                )
            self._count += 1
            name = f"upstream:{self._count}"
            self._marks[name] = frame.name
            self._put(name)
        elif isinstance(frame, ClearAsked):
            self._waiting.clear()
            self._waiting_bytes = 0
            await self._stream.clear()
            await self._played(*self._marks)

    def _put(self, item: bytes | str) -> None:
        self._waiting_bytes += len(item)
        if self._waiting_bytes > self._most:
            raise AssistantFailed("The upstream sent more sound than can wait.")
        self._waiting.append(item)
        self._changed.set()

    async def _play(self) -> None:
        """Send what waits to the carrier, at the pace at which it plays."""
        while self._waiting or not self._closed:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                continue
            item = self._waiting.popleft()
            self._waiting_bytes -= len(item)
            if isinstance(item, str):
                await self._stream.mark(item)
            else:
                await self._stream.send(item)

    async def _played(self, *names: str) -> None:
        """Tell the upstream of marks, each once: a clear may have told it before."""
        for name in names:
            if (theirs := self._marks.pop(name, None)) is not None:
                await self._send(self._client.mark_played(theirs))

    async def _send(self, messages: list[str | bytes]) -> None:
        for message in messages:
            await self._socket.send(message)


def _converter(rate: int, wanted: int) -> Convert:
    if rate == wanted:
        return lambda pcm: pcm
    feed: Convert = _resampler().LiveConverter(rate, wanted).feed
    return feed


def _resampler() -> ModuleType:
    """It needs numpy."""
    return import_module("app.vendors.common.resample")
