"""A part that takes nothing more: the call goes on without it, or ends all the same."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from pipecat.frames.frames import DataFrame

from app.assistants.local import pipeline
from app.net import websocket
from app.vendors.deepgram import stt
from providers.events import EndedReason
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller

SMALL = 16384
"""Bytes that are on the way to a transcriber: more take minutes of a caller to fill."""


@on_loop
async def test_a_transcriber_that_reads_nothing_is_connected_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its sound goes through the part that hears the caller speak: that one would be deaf too."""
    opened = list[Any]()

    async def with_small_buffers(*where: Any, **options: Any) -> Any:
        made = await websocket.open_socket(*where, **options)
        raw = made.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        opened.append(made)
        return made

    monkeypatch.setattr(stt, "open_socket", with_small_buffers)
    plan = {"firstMessage": "Hello there.", "silenceTimeoutSeconds": 60}
    async with (
        vendors("Nothing.", "Later.", "Yes.", "Again.", "Once more.") as theirs,
        talking(TwilioCaller(), plan, theirs) as call,
    ):
        await call.until(lambda: "Hello" in call.transcript)
        (ear,) = theirs.ears._ears
        theirs_end = ear._req.transport
        theirs_end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs_end.pause_reading()
        for _ in range(5):
            call.say("yes")
            call.pause(8)
        await call.until(lambda: "User: " in call.transcript)
        assert len(opened) == 2


@on_loop
async def test_an_end_that_a_part_lets_not_through(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(pipeline, "EndFrame", DataFrame)  # one that ends nothing
    monkeypatch.setattr(pipeline, "FINISH_SECONDS", 3.0)
    plan = {"firstMessage": "Hello there.", "silenceTimeoutSeconds": 10}
    async with vendors() as theirs, talking(TwilioCaller(), plan, theirs) as call:
        await call.until(lambda: "Hello" in call.transcript)
        began = loop.time()
        assert await call.end() == EndedReason.SILENCE_TIMED_OUT
        assert 13 <= loop.time() - began <= 18
