"""What an assistant hears and says: order, bounds, pacing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media.call_context import CallContext
from app.media.close_reason import CloseCause, CloseOnce
from app.media.frame_queue import FrameQueue, QueueFull
from app.media.limits import FloodGuard, Limits, TooManyMessages
from app.media.socket import Socket, SocketClosed
from app.media.stream import LAST_MARK, MediaStream
from providers.base.media import (
    Audio,
    Cleared,
    Digit,
    MarkPlayed,
    StreamStart,
    StreamStop,
    UnknownFrame,
)
from providers.registry import PROVIDERS
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.server import loud

TWILIO, VONAGE = TwilioCaller(), VonageCaller()


class Wire:
    """The ASGI server's side of one socket."""

    def __init__(self, *, drains: bool = True) -> None:
        self.sent = list[Any]()
        self.drains = asyncio.Event()
        if drains:
            self.drains.set()
        self.fails: Exception | None = None
        self._more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(self, event: Any) -> None:
        if event["type"] == "websocket.accept":
            return
        await self.drains.wait()
        if self.fails:
            raise self.fails
        self.sent.append(event.get("text") or event.get("bytes") or event)
        self._more.set()

    async def has(self, count: int) -> None:
        """Wait until so many messages were sent."""
        while len(self.sent) < count:
            self._more.clear()
            await self._more.wait()


NOBODY = CallContext(cast(Any, None), cast(Any, None))
"""What a line without an assistant has no use for."""


async def line_of(
    caller: TwilioCaller | VonageCaller, wire: Wire, limits: Limits | None = None
) -> tuple[MediaStream, CloseOnce]:
    limits = limits or Limits()
    socket = Socket({}, wire.receive, wire.send, stall_seconds=limits.stall_seconds)
    await socket.accept()
    codec = PROVIDERS[caller.name].serializer()
    for message in caller.opening():
        start = codec.decode(message)
    assert isinstance(start, StreamStart)
    fate = CloseOnce()
    return MediaStream(socket, codec, start, caller.opening(), fate, limits, NOBODY), fate


# ------------------------------------------------------------------ hearing


@on_loop
async def test_iteration_yields_what_a_caller_does_and_ends_with_the_line() -> None:
    stream, _ = await line_of(VONAGE, Wire())
    items = [Audio(b"\1\0"), Digit("5"), MarkPlayed("a"), Cleared()]
    for frame in (UnknownFrame("new"), *items, StreamStop()):
        stream.deliver(frame, "raw")
    stream.end()
    assert [item async for item in stream] == items


@on_loop
async def test_raw_yields_everything_as_it_came() -> None:
    stream, _ = await line_of(TWILIO, Wire())
    stream.deliver(UnknownFrame("new"), "one")
    stream.deliver(Audio(b"\1\0"), b"two")
    stream.deliver(StreamStop(), "three")
    stream.end()
    assert [raw async for raw in stream.raw()] == ["one", b"two", "three"]
    assert list(stream.opening) == TWILIO.opening()


@on_loop
async def test_slow_assistant_loses_the_oldest_sound_only() -> None:
    limits = Limits(inbound_seconds=0.1, loading_seconds=0.1)
    stream, _ = await line_of(VONAGE, Wire(), limits)
    frame = bytes(640)
    stream.deliver(Digit("1"), "d")
    for number in range(1000):
        stream.deliver(Audio(number.to_bytes(2, "little") + frame[2:]), "a")
    stream.deliver(Digit("2"), "d")
    stream.end()
    items = [item async for item in stream]
    heard = [int.from_bytes(item.pcm[:2], "little") for item in items if isinstance(item, Audio)]
    assert heard == [995, 996, 997, 998, 999]  # 100 ms, the newest
    assert [item for item in items if isinstance(item, Digit)] == [Digit("1"), Digit("2")]
    assert stream.dropped == 995


@on_loop
async def test_what_is_said_while_the_assistant_loads_is_kept() -> None:
    """A call is taken over by a process that has just started: the words come first."""
    stream, _ = await line_of(VONAGE, Wire())
    said, quiet = Audio(b"\1\0" * 320), Audio(bytes(640))  # 20 ms
    for _ in range(50):
        stream.deliver(said, "a")
    for _ in range(1000):
        stream.deliver(quiet, "a")
    items = aiter(stream)
    assert [await anext(items) for _ in range(50)] == [said] * 50
    for _ in range(1000):
        assert await anext(items) == quiet
    for _ in range(300):  # it has caught up, and is slow now
        stream.deliver(quiet, "a")
    assert stream.dropped == 50


ENTRIES = st.lists(
    st.one_of(
        st.integers(0, 2000).map(lambda size: Audio(bytes(size))),
        st.sampled_from([Digit("1"), MarkPlayed("m"), UnknownFrame("u")]),
        st.none(),  # the assistant reads one
    ),
    max_size=200,
)


@given(ENTRIES)
def test_inbox_is_bounded_and_keeps_order(steps: list[Any]) -> None:
    async def check() -> None:
        inbox, waiting = FrameQueue(3000, 50), list[Any]()
        for step in steps:
            if step is None:
                if waiting:
                    entry = await inbox.get()
                    assert entry is not None
                    assert entry.frame is waiting.pop(0)
                continue
            waiting.append(step)
            if sum(not isinstance(frame, Audio) for frame in waiting) > 50:
                with pytest.raises(QueueFull):
                    inbox.put(step, "")
                return
            inbox.put(step, "")
            while sum(len(f.pcm) for f in waiting if isinstance(f, Audio)) > 3000:
                waiting.remove(next(f for f in waiting if isinstance(f, Audio)))
        inbox.close()
        rest = [entry.frame for entry in [await inbox.get() for _ in waiting] if entry]
        assert rest == waiting
        assert await inbox.get() is None

    asyncio.run(check())


@on_loop
async def test_reader_is_woken_by_what_comes_later() -> None:
    inbox = FrameQueue(100, 10)
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put(Digit("1"), "raw")
    assert await reading == (Digit("1"), "raw")
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.close()
    assert await reading is None


@pytest.mark.parametrize(
    ("times", "floods"),
    [
        ([n / 50 for n in range(2000)], False),  # a carrier's 50 a second
        ([n / 199 for n in range(5000)], False),  # just below the rate
        ([30.0] * 900, False),  # a stalled network's 18 s at once
        ([30.0] * 1001, True),
        ([n / 1000 for n in range(2000)], True),  # 1000 a second
    ],
)
def test_flood_guard(times: list[float], floods: bool) -> None:
    guard = FloodGuard(Limits())
    try:
        for now in times:
            guard.count(now)
    except TooManyMessages:
        assert floods
    else:
        assert not floods


# ------------------------------------------------------------------ speaking


@pytest.mark.parametrize("caller", [TWILIO, VONAGE], ids=lambda caller: caller.name)
@on_loop
async def test_long_sound_is_sent_whole_and_in_order(caller: TwilioCaller | VonageCaller) -> None:
    wire = Wire()
    stream, _ = await line_of(caller, wire)
    pcm = loud(caller, 500, 1000) + loud(caller, 510, 9000)
    await stream.send(pcm)
    await stream.mark("end")
    heard = b"".join(caller.heard(message) or b"" for message in wire.sent[:-1])
    assert heard[: len(pcm)] == pcm
    assert not any(heard[len(pcm) :])  # a last frame is filled with silence
    assert caller.mark_reply(wire.sent[-1]) is not None  # behind all of the sound


@on_loop
async def test_sound_ahead_is_bounded_and_clear_drops_the_rest() -> None:
    wire = Wire()
    stream, _ = await line_of(VONAGE, wire, Limits(ahead_seconds=1.0))
    speaking = asyncio.create_task(stream.send(bytes(32000 * 600)))
    await wire.has(60)  # 1.2 s: the next slice has to wait
    await stream.clear()
    await speaking  # ten minutes of sound, done
    sound = [message for message in wire.sent if isinstance(message, bytes)]
    assert len(sound) * 0.02 < 2.0
    assert json.loads(wire.sent[-1]) == {"action": "clear"}


@on_loop
async def test_the_first_sound_is_noticed_once() -> None:
    stream, _ = await line_of(TWILIO, Wire())
    sounds = list[int]()
    stream.on_first_sound = lambda: sounds.append(1)
    await stream.send_raw("{}")
    await stream.mark("a")
    assert not sounds
    await stream.send(bytes(320))
    await stream.send(bytes(320))
    assert sounds == [1]


@on_loop
async def test_speaking_on_a_closed_line_is_silently_nothing() -> None:
    wire = Wire()
    stream, fate = await line_of(TWILIO, wire)
    wire.fails = OSError("gone")
    await stream.send(loud(TWILIO))
    await stream.mark("x")
    await stream.clear()
    await stream.send_raw("{}")
    assert wire.sent == []
    assert not fate._future.done()  # the reader says how it ended


@on_loop
async def test_carrier_that_drains_nothing_is_lost() -> None:
    stream, fate = await line_of(TWILIO, Wire(drains=False), Limits(stall_seconds=0.02))
    await stream.send(loud(TWILIO))
    ending = await fate.wait()
    assert (ending.cause, ending.code) == (CloseCause.LOST, 1011)


@on_loop
async def test_last_mark_is_never_seen_by_the_assistant() -> None:
    stream, _ = await line_of(TWILIO, Wire())
    await stream.send(loud(TWILIO))
    stream.deliver(MarkPlayed(LAST_MARK), "raw")
    await stream.played()
    stream.end()
    assert [item async for item in stream] == []


@on_loop
async def test_nothing_said_is_nothing_to_wait_for() -> None:
    wire = Wire()
    stream, _ = await line_of(TWILIO, wire, replace(Limits(), grace_seconds=3600))
    await stream.played()
    assert wire.sent == []


@pytest.mark.parametrize(
    "act",
    [
        lambda socket: socket.send("x"),
        lambda socket: socket.send(b"x"),
    ],
)
@on_loop
async def test_socket_raises_gone_once_closed(act: Callable[[Socket], Any]) -> None:
    wire = Wire()
    socket = Socket({}, wire.receive, wire.send, stall_seconds=1)
    await socket.accept()
    await socket.close(1000, "bye")
    await socket.close(1000, "again")
    with pytest.raises(SocketClosed):
        await act(socket)
    assert wire.sent == [{"type": "websocket.close", "code": 1000, "reason": "bye"}]


@on_loop
async def test_refusal_without_the_http_extension_is_a_plain_close() -> None:
    sent = list[Any]()

    async def send(event: Any) -> None:
        sent.append(event)

    await Socket({}, Wire().receive, send, stall_seconds=1).refuse(503)
    assert sent == [{"type": "websocket.close"}]


# ------------------------------------------------------------------ a sound under the voice


class Taken:
    """A tap that keeps what was said."""

    def __init__(self) -> None:
        self.pcm = b""

    def heard(self, pcm: bytes) -> None: ...

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        self.pcm += pcm

    def cleared(self) -> None: ...


@on_loop
async def test_a_background_goes_to_the_carrier_and_to_no_tap() -> None:
    """Alone it is not the first sound of the assistant either."""
    wire, tap, first = Wire(), Taken(), list[bool]()
    stream, _ = await line_of(VONAGE, wire)
    stream.taps.append(tap)
    stream.on_first_sound = lambda: first.append(True)
    await stream.send_under(640)
    assert wire.sent == []  # there is none
    stream.under = lambda pcm: bytes([1]) * len(pcm)
    await stream.send_under(640)
    assert (b"".join(wire.sent), tap.pcm, first) == (bytes([1]) * 640, b"", [])
    assert stream.buffered_seconds > 0
    await stream.send(loud(VONAGE))
    assert (b"".join(wire.sent[1:]), tap.pcm, first) == (bytes([1]) * 640, loud(VONAGE), [True])
