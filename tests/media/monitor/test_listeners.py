"""Listening to a live call: sound of both sides, messages, and calls of another process."""

from __future__ import annotations

import array
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from app.domain.assistant.config import AssistantConfig
from app.domain.calls.facts import MonitorEndpoint
from app.media.monitor.listeners import (
    MAX_LISTENERS,
    MAX_MESSAGES,
    WAITING_SECONDS,
    Listener,
    Monitor,
)
from app.media.recording.mixer import LiveMixer
from app.media.stream import MediaStream
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.monitor.sockets import listening, monitored, told
from tests.media.server import BY_NAME, calling, loud, serving

TWILIO = TwilioCaller()


async def hears(listener: ClientConnection) -> None:
    """Until both sides have sounded."""
    left = right = 0
    while not (left and right):
        message = await listener.recv()
        if isinstance(message, bytes):
            samples = array.array("h", message)
            left, right = left or max(samples[::2]), right or max(samples[1::2])


@asynccontextmanager
async def talking(caller: Caller, carrier: ClientConnection) -> AsyncIterator[None]:
    """The caller makes noise all the time, in real time; what comes back is let go."""

    async def talk() -> None:
        while True:
            await carrier.send(caller.sound(loud(caller)))
            await asyncio.sleep(0.02)  # a phone's own pace

    async def let_go() -> None:
        async for _ in carrier:
            pass

    tasks = [asyncio.create_task(talk()), asyncio.create_task(let_go())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@BY_NAME
@on_loop
async def test_both_sides_are_heard_until_the_call_is_over(caller: Caller) -> None:
    async with serving(Domain()) as served, calling(served, caller) as carrier:
        await monitored(served)
        async with listening(served) as listener, talking(caller, carrier):
            start = await told(listener)
            assert (start["type"], start["sampleRate"], start["channels"]) == (
                "start",
                caller.rate,
                2,
            )
            await hears(listener)
            await carrier.send(caller.digit("#"))
            async for _ in listener:
                pass
            assert (listener.close_code, listener.close_reason) == (1000, "the call is over")


@on_loop
async def test_a_call_of_another_process_is_heard_as_well() -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain) as holder, serving(neighbour) as other:
        assert domain.endpoint != neighbour.endpoint
        neighbour.heard_at = domain.endpoint
        async with calling(holder, TWILIO) as carrier:
            await monitored(holder)
            async with listening(other) as listener, talking(TWILIO, carrier):
                assert (await told(listener))["sampleRate"] == TWILIO.rate
                await hears(listener)
                await carrier.send(TWILIO.digit("#"))
                async for _ in listener:
                    pass
                assert (listener.close_code, listener.close_reason) == (1000, "the call is over")


def is_mixed(heard: Monitor) -> bool:
    return any(isinstance(tap, LiveMixer) for tap in heard._stream.taps)


@on_loop
async def test_a_listener_that_leaves_a_call_elsewhere_leaves_no_tap() -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain) as holder, serving(neighbour) as other:
        neighbour.heard_at = domain.endpoint
        async with calling(holder, TWILIO):
            heard = await monitored(holder)
            async with listening(other) as listener:
                await told(listener)
                assert is_mixed(heard)
            while is_mixed(heard):  # noqa: ASYNC110
                await asyncio.sleep(0)  # the news is on its way


@on_loop
async def test_a_socket_that_is_lost_may_be_replaced() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO) as carrier:
        await monitored(served)
        async with listening(served) as listener:
            await told(listener)
            await carrier.close()
            await listener.wait_closed()
            assert listener.close_code == 4404


NOT_LIVE: list[tuple[MonitorEndpoint | None, int, str]] = [
    # nobody's yet
    (None, 4404, "the call is not in progress"),
    # of a process that was killed
    (MonitorEndpoint("{host}", "/nowhere/listen"), 4404, "the call is not in progress"),
    # of a machine that this one cannot reach into
    (MonitorEndpoint("another.example", "/x"), 4409, "the call is on another host"),
]


@pytest.mark.parametrize(("place", "code", "word"), NOT_LIVE)
@on_loop
async def test_a_call_that_is_not_here(place: MonitorEndpoint | None, code: int, word: str) -> None:
    domain = Domain()
    async with serving(domain) as served:
        assert domain.endpoint is not None
        if place is not None:
            place = MonitorEndpoint(place.host.format(host=domain.endpoint.host), place.path)
        domain.heard_at = place
        async with listening(served) as listener:
            await listener.wait_closed()
            assert listener.close_code == code
            assert (listener.close_reason or "").startswith(word)


@on_loop
async def test_a_neighbour_that_has_lost_the_call_says_so() -> None:
    domain, neighbour = Domain(), Domain()
    async with serving(domain), serving(neighbour) as other:
        neighbour.heard_at = domain.endpoint
        async with listening(other) as listener:
            await listener.wait_closed()
            assert listener.close_code == 4404


@on_loop
async def test_without_a_place_for_a_socket_calls_are_heard_here(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO):
        assert domain.endpoint is None
        assert "TMPDIR" in caplog.text
        await monitored(served)
        async with listening(served) as listener:
            assert (await told(listener))["type"] == "start"


@on_loop
async def test_a_wrong_token_is_refused() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        with pytest.raises(InvalidStatus) as refused:
            async with listening(served, token="wrong"):
                pass
        assert refused.value.response.status_code == 403


# ------------------------------------------------------------------ one call's listeners


def monitor(assistant: dict[str, Any] | None = None) -> Monitor:
    claim = SimpleNamespace(assistant=AssistantConfig(assistant or {}))
    context = SimpleNamespace(claim=claim)
    supervision = SimpleNamespace(close=lambda farewell: None)
    stream = SimpleNamespace(
        sample_rate=8000, taps=[], call_context=context, supervision=supervision
    )
    return Monitor(cast("MediaStream", stream))


async def read(listener: Listener) -> list[Any]:
    """All that waits for a listener whose call is over."""
    return [json.loads(m) if isinstance(m, str) else m async for m in listener]


@on_loop
async def test_messages_are_those_the_client_wants() -> None:
    one = monitor({"clientMessages": ["transcript"]})
    one.tell("transcript", {"transcript": "before anybody listened"})
    listener = one.join()
    one.tell("transcript", {"transcript": "Hello."})
    one.tell("speech-update", {"status": "started"})
    one.close()
    assert (await read(listener))[1:] == [{"type": "transcript", "transcript": "Hello."}]


@on_loop
async def test_a_slow_listener_loses_the_oldest_sound() -> None:
    listener = Listener(8000)
    second = bytes(8000 * 2 * 2)
    for _ in range(5):
        listener.hear(second)
    listener.hear(b"last")
    listener.close()
    heard = await read(listener)
    assert len(heard) == WAITING_SECONDS
    assert heard[-1] == b"last"


@on_loop
async def test_a_listener_that_reads_nothing_is_let_go() -> None:
    listener = Listener(8000)
    for number in range(MAX_MESSAGES + 5):
        listener.tell({"type": "transcript", "number": number})
    assert len(await read(listener)) >= MAX_MESSAGES  # and it ends


@on_loop
async def test_a_listener_that_reads_nothing_takes_nobody_else_the_sound() -> None:
    one = monitor()
    deaf, attentive = one.join(), one.join()
    for number in range(MAX_MESSAGES + 5):
        deaf.tell({"type": "transcript", "number": number})
    messages = aiter(attentive)
    await anext(messages)  # what the sound is
    for _ in range(3):
        assert isinstance(await anext(messages), bytes)
    one.close()


@on_loop
async def test_one_more_than_may_listen() -> None:
    async with serving(Domain()) as served, calling(served, TWILIO):
        heard = await monitored(served)
        for _ in range(MAX_LISTENERS):
            heard.join()
        async with listening(served) as listener:
            await listener.wait_closed()
            assert listener.close_code == 1013
            assert listener.close_reason == "10 listen to this call already"
