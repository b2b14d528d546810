"""Text that a carrier's voice says: when it is over, and what was heard of an interrupted one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.media.close_reason import CloseOnce
from app.media.limits import Limits
from app.media.socket import Socket
from app.media.text_stream import CHARACTERS_PER_SECOND, PATIENCE_SECONDS, SLOW, TextStream
from providers.base.media import Heard, Spoken, SpokenOver, StreamStart, VoiceSpeaks
from providers.twilio.relay import RelaySerializer
from tests.clock import on_loop
from tests.media.test_stream import NOBODY, Wire

WORDS = "We have a table at the window. And another one in the garden."
USUAL = len(WORDS) / CHARACTERS_PER_SECOND


async def made() -> tuple[Wire, TextStream]:
    wire = Wire()
    socket = Socket({}, wire.receive, wire.send, stall_seconds=1)
    await socket.accept()
    start = StreamStart("VX", "CA", "AC", 8000)
    context = NOBODY
    return wire, TextStream(socket, RelaySerializer(), start, (), CloseOnce(), Limits(), context)


def sent(wire: Wire) -> list[Any]:
    return [json.loads(each) for each in wire.sent]


async def give(stream: TextStream, text: str = WORDS, *, last: bool = True) -> None:
    await stream.say(text, last=last, interruptible=True)


def clock() -> float:
    return asyncio.get_running_loop().time()


@on_loop
async def test_it_is_over_once_all_words_were_said() -> None:
    _, stream = await made()
    await give(stream)
    saying = asyncio.create_task(stream.spoken())
    for piece in ("We have a table at the window", "AND another one", "in the garden"):
        await asyncio.sleep(0.1)
        assert not saying.done()
        stream.deliver(Spoken(piece), "")
    assert await saying == WORDS
    assert not stream.has_text
    assert await stream.spoken() == ""


@on_loop
async def test_a_voice_that_tells_nothing_is_waited_for_by_the_usual_rate() -> None:
    _, stream = await made()
    began = clock()
    await give(stream)
    assert await stream.spoken() == WORDS
    assert clock() - began == pytest.approx(USUAL + PATIENCE_SECONDS, abs=0.1)


@on_loop
async def test_a_voice_that_tells_may_be_slow_but_not_for_ever() -> None:
    _, stream = await made()
    began = clock()
    await give(stream)
    stream.deliver(Spoken("We have"), "")
    assert await stream.spoken() == WORDS
    assert clock() - began == pytest.approx((USUAL + PATIENCE_SECONDS) * SLOW, abs=0.1)


@on_loop
async def test_the_voice_tells_that_it_is_over_though_it_said_it_in_other_words() -> None:
    _, stream = await made()
    began = clock()
    await give(stream)
    stream.deliver(VoiceSpeaks(False), "")  # of the text before
    saying = asyncio.create_task(stream.spoken())
    stream.deliver(VoiceSpeaks(True), "")
    stream.deliver(Spoken("We've a table"), "")
    await asyncio.sleep(0.1)
    assert not saying.done()
    stream.deliver(VoiceSpeaks(False), "")
    assert await saying == WORDS
    assert clock() - began < USUAL


CUTS: dict[str, tuple[list[Any], str]] = {
    "all of it": ([SpokenOver("We have a table")], "We have a table"),
    "its last sentence": (
        [Spoken("We have a table at the window."), SpokenOver("And another")],
        "We have a table at the window. And another",
    ),
    "other words": ([SpokenOver("We've a table")], "We've a table"),
    "none": ([SpokenOver("")], ""),
    "none, of those that were said": ([Spoken("We have"), SpokenOver("")], "We have"),
    "word by word": ([Spoken("We "), Spoken("have"), Spoken(" a")], "We have a"),
    "with its sign": ([Spoken("we have a table at the window")], "We have a table at the window."),
    "in other letters": ([Spoken("We've "), Spoken(" a")], "We've a"),
    "not by the carrier": ([Spoken("We have a table")], "We have a table"),
}


@pytest.mark.parametrize(("frames", "heard"), CUTS.values(), ids=list(CUTS))
@on_loop
async def test_what_was_heard(frames: list[Any], heard: str) -> None:
    _, stream = await made()
    await give(stream)
    for frame in frames:
        stream.deliver(frame, "")
    assert await stream.interrupt() == heard
    assert not stream.has_text


@on_loop
async def test_what_was_heard_of_a_voice_that_tells_nothing() -> None:
    _, stream = await made()
    await give(stream)
    await asyncio.sleep(1.05)
    assert await stream.interrupt() == "We have a table"


@on_loop
async def test_a_text_that_was_not_whole_is_ended_for_the_next_one() -> None:
    wire, stream = await made()
    await give(stream, "We have ", last=False)
    await stream.interrupt()
    await give(stream, "Good.")
    assert [(each["token"], each["last"]) for each in sent(wire)] == [
        ("We have ", False),
        ("", True),
        ("Good.", True),
    ]


@on_loop
async def test_an_interruption_that_nothing_reads_ends_the_wait() -> None:
    _, stream = await made()
    stream.unread, began = True, clock()
    await give(stream)
    saying = asyncio.create_task(stream.spoken())
    await asyncio.sleep(0.1)
    stream.deliver(SpokenOver("We have"), "")
    assert await saying == "We have"
    assert clock() - began < USUAL


@on_loop
async def test_what_the_caller_does_is_read_in_order() -> None:
    wire, stream = await made()
    stream.deliver(Heard("Hello"), "")
    stream.deliver(Spoken("not for the assistant"), "")
    stream.deliver(SpokenOver("x"), "")
    stream.end()
    assert [item async for item in stream] == [Heard("Hello"), SpokenOver("x")]
    await stream.send(b"\0\0")
    await stream.clear()
    await stream.press("1#")
    await stream.goodbye()
    assert sent(wire) == [{"type": "sendDigits", "digits": "1#"}, {"type": "end"}]
