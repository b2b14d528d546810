"""A supervisor's websocket: one at a time, their voice on the line, and calls of another process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from app.media.monitor.supervision import MAX_EVENTS, Supervision
from app.media.monitor.voice import LEAD_SECONDS, RATE, SupervisorVoice
from providers.common import audio
from providers.common.json_types import JsonObject
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.monitor.sockets import monitored, speaking, told
from tests.media.server import BY_NAME, Served, calling, serving

TWILIO = TwilioCaller()
LOUD = (9000).to_bytes(2, "little", signed=True)
PIECE = LOUD * (RATE // 50)
"""20 ms of a supervisor."""


async def events(served: Served) -> asyncio.Queue[JsonObject]:
    """What the call's assistant is told; an echo reads none of it."""
    monitor = await monitored(served)
    return monitor._stream.call_context.take_overs


async def is_heard(caller: Caller, carrier: ClientConnection) -> None:
    """Until a second of sound was sent to the carrier at the supervisor's level."""
    loud = 0
    while loud < caller.rate:
        pcm = caller.heard(await carrier.recv()) or b""
        loud += loud_samples(pcm)


def loud_samples(pcm: bytes) -> int:
    """How many samples have the supervisor's level."""
    return sum(8000 < each < 10_000 for each in memoryview(pcm).cast("h"))


class Recorder:
    """A tap, as the recorder's."""

    def __init__(self) -> None:
        self.said_pcm = bytearray()

    def heard(self, pcm: bytes) -> None:
        pass

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        self.said_pcm += pcm

    def cleared(self) -> None:
        pass


@BY_NAME
@on_loop
async def test_their_voice_is_on_the_line(caller: Caller) -> None:
    async with serving(Domain()) as served, calling(served, caller) as carrier:
        recorder = Recorder()
        (await monitored(served))._stream.taps.append(recorder)
        async with speaking(served) as supervisor:
            start = await told(supervisor)
            assert (start["type"], start["sampleRate"], start["channels"]) == ("start", RATE, 1)
            for _ in range(60):
                await supervisor.send(PIECE)
                await asyncio.sleep(0.02)  # a microphone's own pace
            await is_heard(caller, carrier)
        assert loud_samples(bytes(recorder.said_pcm)) >= caller.rate  # on the assistant's side


@on_loop
async def test_what_they_do_is_the_assistants_to_decide() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        given = await events(served)
        async with speaking(served) as supervisor:
            for message in ("no JSON", "[]", '{"type": "say"}', '{"type": "take-over"}'):
                await supervisor.send(message)
            assert (await given.get())["type"] == "supervisor-joined"
            assert (await given.get())["type"] == "take-over"
        assert await given.get() == {"type": "supervisor-left", "deliberate": True}


@on_loop
async def test_a_lost_connection_is_no_decision() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        given = await events(served)
        async with speaking(served) as supervisor:
            await told(supervisor)
            supervisor.transport.abort()
        await given.get()
        assert await given.get() == {"type": "supervisor-left", "deliberate": False}


@on_loop
async def test_one_at_a_time() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        await monitored(served)
        async with speaking(served) as first:
            await told(first)
            async with speaking(served) as second:
                await second.wait_closed()
                assert second.close_code == 4423
                assert second.close_reason == "another supervisor speaks on this call"
        async with speaking(served) as third:
            assert (await told(third))["type"] == "start"


@pytest.mark.parametrize("deliberate", [True, False])
@on_loop
async def test_a_call_of_another_process(deliberate: bool) -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain) as holder, serving(neighbour) as other:
        neighbour.heard_at = domain.endpoint
        async with calling(holder, TWILIO) as carrier:
            given = await events(holder)
            async with speaking(other) as supervisor:
                assert (await told(supervisor))["type"] == "start"
                await supervisor.send('{"type": "take-over"}')
                for _ in range(60):
                    await supervisor.send(PIECE)
                    await asyncio.sleep(0.02)
                await is_heard(TWILIO, carrier)
                if not deliberate:
                    supervisor.transport.abort()
            found = [await given.get() for _ in range(3)]
            assert [each["type"] for each in found[:2]] == ["supervisor-joined", "take-over"]
            assert found[2] == {"type": "supervisor-left", "deliberate": deliberate}


@on_loop
async def test_a_call_that_is_over_ends_it() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO) as carrier:
        await monitored(served)
        async with speaking(served) as supervisor:
            await told(supervisor)
            await carrier.send(TWILIO.digit("#"))
            await supervisor.wait_closed()
            assert (supervisor.close_code, supervisor.close_reason) == (1000, "the call is over")


@on_loop
async def test_a_socket_that_is_lost_may_be_replaced() -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain) as holder, serving(neighbour) as other:
        neighbour.heard_at = domain.endpoint
        async with calling(holder, TWILIO) as carrier:
            await monitored(holder)
            async with speaking(holder) as here:
                await told(here)
                await carrier.close()
                await here.wait_closed()
                assert here.close_code == 4404
            async with speaking(other) as there:
                await there.wait_closed()
                assert there.close_code == 4404


@on_loop
async def test_a_process_that_is_killed_may_be_replaced() -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain) as holder, serving(neighbour) as other:
        neighbour.heard_at = domain.endpoint
        async with calling(holder, TWILIO):
            await monitored(holder)
            async with speaking(other) as supervisor:
                await told(supervisor)
                server = holder.application.hub._listening._server
                assert server is not None
                for connection in server.connections:
                    connection.transport.abort()
                await supervisor.wait_closed()
                assert supervisor.close_code == 4404


@on_loop
async def test_a_wrong_token_is_refused() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        with pytest.raises(InvalidStatus) as refused:
            async with speaking(served, token="listen"):
                pass
        assert refused.value.response.status_code == 403


# ------------------------------------------------------------------ the voice alone


@dataclass
class Line:
    """Plays in no time of its own: what is buffered is told."""

    sample_rate: int = 8000
    buffered_seconds: float = 0.0
    sent: bytearray = field(default_factory=bytearray)
    voice: SupervisorVoice | None = None

    async def send(self, pcm: bytes) -> None:
        assert self.voice is not None
        self.sent += self.voice.over(pcm)


def test_both_are_heard_where_both_speak() -> None:
    voice = SupervisorVoice(Line(RATE))
    voice.put(LOUD * 100)
    piece = LOUD * 150
    mixed = memoryview(voice.over(piece)).cast("h")
    assert (mixed[0], mixed[99], mixed[100]) == (18_000, 18_000, 9000)
    assert voice.over(piece) is piece


def test_a_sound_that_cannot_be_sent_grows_no_buffer() -> None:
    voice = SupervisorVoice(Line(RATE))
    for _ in range(100):
        voice.put(PIECE)
    assert len(voice.over(bytes(10 * RATE))) == 10 * RATE
    assert voice.over(b"12") == b"12"  # a second was kept, and all of it is taken


@on_loop
async def test_the_assistants_sound_takes_it_along() -> None:
    line = Line(buffered_seconds=LEAD_SECONDS)
    voice = line.voice = SupervisorVoice(line)
    sending = asyncio.create_task(voice.run())
    voice.put(PIECE)
    await asyncio.sleep(0.5)
    assert not line.sent
    line.buffered_seconds = 0.0
    while not line.sent:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert len(line.sent) == len(audio.resampled(PIECE, RATE, 8000))
    sending.cancel()


@on_loop
async def test_a_flood_of_messages_is_bounded() -> None:
    given: asyncio.Queue[JsonObject] = asyncio.Queue()
    supervision = Supervision(Line(), given)
    for _ in range(MAX_EVENTS + 5):
        supervision.take('{"type": "take-over"}')
    assert given.qsize() == MAX_EVENTS
