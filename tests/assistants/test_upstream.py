"""The relay to an upstream: what each side gets of the other, and how each end is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from app.domain.legs.upstream import UpstreamStream
from app.domain.live.control import UPSTREAM_ENDED
from app.store.commands import Command
from providers.base.media import (
    Audio,
    Digit,
    Frame,
    MarkPlayed,
    StreamStart,
    StreamStop,
    UnknownFrame,
)
from providers.base.rest import Account
from providers.common.audio import level
from providers.events import EndedReason
from providers.twilio.media import TwilioSerializer
from providers.twilio.signature import verify_socket
from providers.twilio.stream_client import open_stream
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, CALLERS, calling, listen, loud, serving

TWILIO = TwilioCaller()
ACCOUNT = Account("AC" + "0" * 31 + "1", {"authTokens": ["the upstream's own token"]})
UPSTREAM = "their-call"
GONE = UnknownFrame("the socket is closed")
TONE = (12000).to_bytes(2, "little", signed=True) * 800
"""100 ms at 8 kHz."""


class Server:
    """An upstream's media server. It reads and writes as any server behind Twilio does."""

    def __init__(self) -> None:
        self.url = ""
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.opened: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.serializer = TwilioSerializer()

    async def handle(self, connection: ServerConnection) -> None:
        async for message in connection:
            frame = self.serializer.decode(message)
            if isinstance(frame, StreamStart):
                self.opened.put_nowait(connection)
            self.frames.put_nowait(frame)
        self.frames.put_nowait(GONE)

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        while True:
            frame = await self.frames.get()
            if wanted(frame):
                return frame


class Call:
    """A call that is up on both sides."""

    def __init__(self, domain: Domain, server: Server, carrier: Any, theirs: Any) -> None:
        self.domain, self.server, self.carrier, self.theirs = domain, server, carrier, theirs

    async def says(self, pcm: bytes) -> None:
        for message in self.server.serializer.audio(pcm):
            await self.theirs.send(message)

    async def ended(self) -> tuple[EndedReason, str | None]:
        _, _, reason, message = await self.domain.hears("intend")
        return reason, message


@asynccontextmanager
async def call(caller: Caller, account: Account | None = ACCOUNT) -> AsyncIterator[Call]:
    server, domain = Server(), Domain(backend="vapi")
    async with serve(server.handle, "127.0.0.1", 0) as listening:
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/media/a-token"
        domain.upstream = upstream_at(server.url, account)
        async with serving(domain) as served, calling(served, caller) as carrier:
            yield Call(domain, server, carrier, await server.opened.get())


def upstream_at(url: str, account: Account | None = ACCOUNT) -> UpstreamStream:
    document = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
    stream = open_stream({"twiml": document}, account, "leg")
    assert stream is not None
    return UpstreamStream(UPSTREAM, stream, lambda url: ["127.0.0.1"])


@BY_NAME
@on_loop
async def test_sound_and_keys_reach_the_upstream(caller: Caller) -> None:
    async with call(caller) as made:
        for _ in range(20):
            await made.carrier.send(caller.sound(loud(caller)))
        await made.carrier.send(caller.digit("7"))
        pcm = b""
        while len(pcm) < 2 * 8000 * 0.15:  # a resampler keeps some ms
            frame = await made.server.until(lambda each: isinstance(each, Audio))
            assert isinstance(frame, Audio)
            pcm += frame.pcm
        assert level(pcm) == pytest.approx(12000, rel=0.1)
        assert await made.server.until(lambda each: isinstance(each, Digit)) == Digit("7")


@BY_NAME
@on_loop
async def test_sound_reaches_the_caller(caller: Caller) -> None:
    async with call(caller) as made:
        await made.says(TONE * 4)
        await made.says(TONE)
        heard = await listen(caller, made.carrier, int(caller.rate * 0.4) * 2)
        assert level(heard[: caller.rate // 5]) == pytest.approx(12000, rel=0.1)


@BY_NAME
@on_loop
async def test_a_mark_comes_back_once_it_is_played(caller: Caller) -> None:
    """Of any name, that of our own last mark too: the upstream may be a Patchbay."""
    async with call(caller) as made:
        await made.says(TONE)
        for message in made.server.serializer.mark("patchbay:end"):
            await made.theirs.send(message)
        asking = asyncio.create_task(listen(caller, made.carrier, 10**9))
        mark = await made.server.until(lambda each: isinstance(each, MarkPlayed))
        asking.cancel()
    assert mark == MarkPlayed("patchbay:end")


@BY_NAME
@on_loop
async def test_a_clear_drops_what_waits_and_returns_its_marks(caller: Caller) -> None:
    async with call(caller) as made:
        await made.says(TONE * 900)  # 90 s: more than a carrier holds
        for message in (
            *made.server.serializer.mark("first"),
            *made.server.serializer.mark("second"),
            *made.server.serializer.clear(),
            *made.server.serializer.mark("third"),
        ):
            await made.theirs.send(message)
        asking = asyncio.create_task(listen(caller, made.carrier, 10**9))
        marks = [
            await made.server.until(lambda each: isinstance(each, MarkPlayed)) for _ in range(3)
        ]
        asking.cancel()
    assert marks == [MarkPlayed("first"), MarkPlayed("second"), MarkPlayed("third")]


@on_loop
async def test_the_handshake_is_the_carriers() -> None:
    async with call(TWILIO) as made:
        assert made.theirs.request is not None
        headers = list(made.theirs.request.headers.raw_items())
        verify_socket(made.server.url, headers, ACCOUNT)


@on_loop
async def test_without_an_account_nothing_is_signed() -> None:
    async with call(TWILIO, None) as made:
        assert "X-Twilio-Signature" not in made.theirs.request.headers


@pytest.mark.parametrize(
    ("code", "told", "reason", "words"),
    [
        (1000, ("assistant-ended-call", ""), EndedReason.ASSISTANT_ENDED_CALL, None),
        (1000, ("silence-timed-out", ""), EndedReason.SILENCE_TIMED_OUT, None),
        (1011, ("exceeded-max-duration", ""), EndedReason.EXCEEDED_MAX_DURATION, None),
        (1000, ("assistant-error", "No key."), EndedReason.ASSISTANT_ERROR, "No key."),
        (
            1000,
            ("assistant-ended-call-with-hangup-task", ""),
            EndedReason.ASSISTANT_ENDED_CALL,
            "hangup-task",
        ),
        (1000, ("call.in-progress.error-x", ""), EndedReason.ASSISTANT_ERROR, "error-x"),
        (1000, ("customer-ended-call", ""), EndedReason.ASSISTANT_ERROR, "lost the stream"),
        (1000, None, EndedReason.ASSISTANT_ENDED_CALL, "has not said why"),
        (1011, None, EndedReason.ASSISTANT_ERROR, "broke off with 1011"),
    ],
)
@on_loop
async def test_why_the_upstream_ends(
    code: int, told: tuple[str, str] | None, reason: EndedReason, words: str | None
) -> None:
    async with call(TWILIO) as made:
        if told:
            body = {"upstream": UPSTREAM, "endedReason": told[0], "message": told[1]}
            made.domain.given.append(Command("token-1", {"type": UPSTREAM_ENDED, **body}))
        await made.says(TONE)
        await made.theirs.close(code)
        assert caller_heard(await made.carrier.recv())
        ended, message = await made.ended()
        await made.carrier.wait_closed()
    assert ended is reason
    assert words in message if words and message else message == words


def caller_heard(message: str | bytes) -> bytes | None:
    return TWILIO.heard(message)


@on_loop
async def test_a_socket_that_is_cut() -> None:
    async with call(TWILIO) as made:
        made.theirs.transport.abort()
        reason, message = await made.ended()
    assert (reason, message) == (
        EndedReason.ASSISTANT_ERROR,
        "The upstream's stream broke off with 1006.",
    )


@on_loop
async def test_an_upstream_that_has_ended_and_leaves_its_stream_open() -> None:
    """The caller would hear nothing until the longest duration."""
    async with call(TWILIO) as made:
        body = {"upstream": UPSTREAM, "endedReason": "pipeline-error", "message": ""}
        made.domain.given.append(Command("token-1", {"type": UPSTREAM_ENDED, **body}))
        reason, message = await made.ended()
        assert await made.server.until(ends) == StreamStop()
    assert reason is EndedReason.ASSISTANT_ERROR
    assert message is not None
    assert "pipeline-error" in message


@pytest.mark.parametrize("names", [["x" * 5000], [str(each) for each in range(3000)]])
@on_loop
async def test_marks_are_bounded(names: list[str]) -> None:
    async with call(TWILIO) as made:
        for name in names:
            for message in made.server.serializer.mark(name):
                await made.theirs.send(message)
        reason, why = await made.ended()
    assert reason is EndedReason.ASSISTANT_ERROR
    assert why is not None
    assert "mark" in why


@pytest.mark.parametrize("message", ["no JSON", b"\0", json.dumps({"event": "media"})])
@on_loop
async def test_a_message_that_no_carrier_takes(message: str | bytes) -> None:
    async with call(TWILIO) as made:
        await made.says(TONE * 900)  # the failure does not wait for it
        await made.theirs.send(message)
        reason, why = await made.ended()
    assert reason is EndedReason.ASSISTANT_ERROR
    assert why is not None
    assert "a message that Twilio does not take" in why


@on_loop
async def test_the_caller_hangs_up() -> None:
    async with call(TWILIO) as made:
        await made.carrier.send(TWILIO.stop())
        assert await made.server.until(ends) == StreamStop()
        assert await made.server.until(ends) == GONE
        assert made.theirs.close_code == 1000
        await made.carrier.wait_closed()
    assert made.domain.words() == ["claim", "joined", "upstream", "stopped"]


@on_loop
async def test_a_call_that_ends_otherwise() -> None:
    """By the API, or a timer: the upstream is told that the stream is over."""
    async with call(TWILIO) as made:
        made.domain.ended.add("token-1")
        assert await made.server.until(ends) == StreamStop()
        assert await made.server.until(ends) == GONE
        await made.carrier.wait_closed()


def ends(frame: Frame) -> bool:
    return isinstance(frame, StreamStop) or frame == GONE


@on_loop
async def test_an_upstream_that_makes_no_call() -> None:
    domain = Domain(backend="vapi")
    async with serving(domain) as served, calling(served, TWILIO):
        _, _, reason, message = await domain.hears("intend")
    assert (reason, message) == (
        EndedReason.ASSISTANT_ERROR,
        "The upstream made no call: it answers 401.",
    )


@on_loop
async def test_a_stream_that_cannot_be_opened() -> None:
    domain = Domain(backend="vapi")
    domain.upstream = upstream_at("ws://127.0.0.1:9/media/hunter2")
    async with serving(domain) as served, calling(served, TWILIO):
        _, _, reason, message = await domain.hears("intend")
    assert reason is EndedReason.ASSISTANT_ERROR
    assert "could not be opened" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("talking", [False, True], ids=["silent", "talking"])
@on_loop
async def test_an_upstream_that_has_vanished_is_noticed_within_15_seconds(talking: bool) -> None:
    now = asyncio.get_running_loop().time
    async with call(CALLERS[1]) as made:
        made.theirs.transport.pause_reading()
        began = now()
        if talking:  # more than the buffers on the way hold: no ping comes through
            for _ in range(600):
                await made.carrier.send(bytes(64000))
        reason, _ = await made.ended()
        seconds = now() - began
    assert reason == EndedReason.ASSISTANT_ERROR
    assert seconds < 16.5, "of the loop's own time"
