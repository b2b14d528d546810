"""``python -m bench.slow_vendors PORT``: the vendors of a bench, as fast as real ones.

A result of the transcriber comes ``TRANSCRIBER`` seconds after the sound that it is about. The
model's first word comes after ``MODEL`` seconds and each further one after ``WORD``. A sentence's
sound comes after ``VOICE``. It has Deepgram's ``/v1/listen``, and ``/v2/listen`` of its Flux models.
``GET /requests`` tells how many requests the model got, and how many of them were cut off.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from bench.sounds import RATE, REPLY, SOUNDS, tone
from bench.vendor_server import LOUD, PARTIAL, serve
from providers.common.audio import audioop
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.deepgram_flux import turn
from tests.fakes.vendors.deepgram_listen import results
from tests.fakes.vendors.ears import Heard
from tests.fakes.vendors.server import Asked

TRANSCRIBER, MODEL, VOICE = 0.25, 0.4, 0.14
WORD = 0.01
FLUX_PAUSE = 0.2
"""Silence after which the Flux model takes a turn for over."""
SENTENCES = ("Surely I will see to it.", "It is done at once for you.")
"""What the model says: as long as ``REPLY`` of the vendors that answer at once."""
SPOKEN = {**SOUNDS, **dict.fromkeys(SENTENCES, tone(len(SOUNDS[REPLY]) / 2 / RATE / 2))}


class Segment:
    """The sound since the last final text, and the last second before it."""

    before = b""

    def __init__(self, rate: int, pause: float) -> None:
        self.rate, self._pause = rate, pause
        self.pcm = b""
        self.begin()

    def begin(self) -> None:
        self.before = (self.before + self.pcm)[-2 * self.rate :] if self.pcm else b""
        self.pcm = b""
        self._spoken = self._silent = 0.0
        self._partials = 0

    def hear(self, pcm: bytes) -> bool | None:
        """True: it is over. False: there is a new partial text. None: neither."""
        seconds = len(pcm) / 2 / self.rate
        self.pcm += pcm
        if audioop.rms(pcm, 2) > LOUD:
            self._spoken, self._silent = self._spoken + seconds, 0.0
        else:
            self._silent += seconds
        if self.has_speech and self._silent >= self._pause:
            return True
        if self._spoken // PARTIAL > self._partials:
            self._partials += 1
            return False
        return None

    @property
    def has_speech(self) -> bool:
        return self._spoken > 0


class SlowVendors:
    """All of them. Subclasses say what is understood, answered and spoken."""

    def __init__(self) -> None:
        self.orders = itertools.count(1)
        self.asked = self.cut_off = 0

    # -- what a bench may change

    def understood(self, segment: Segment) -> str:
        """The text of a segment with speech."""
        return f"This is order {next(self.orders)}."

    def answer(self, said: str) -> str:
        """What the model answers to the caller's last words."""
        return " ".join(SENTENCES)

    def sound(self, text: str) -> bytes:
        """A sentence as PCM of 24 kHz."""
        return SPOKEN[text]

    # -- what vendors do

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_post("/v1/audio/speech", self.speak)
        app.router.add_get("/v1/listen", self.listen)
        app.router.add_get("/v2/listen", self.listen_for_turns)
        app.router.add_get("/requests", self.requests)
        return app

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked += 1
        await asyncio.sleep(MODEL)
        chat = Chat(self.answer(str(body["messages"][-1]["content"])))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            for event in chat.events(Asked("", "", {}, {}, body)):
                await response.write(event)
                await asyncio.sleep(WORD)
        except ConnectionError:
            self.cut_off += 1
        return response

    async def speak(self, request: web.Request) -> web.Response:
        text = (await request.json())["input"]
        await asyncio.sleep(VOICE)
        return web.Response(body=self.sound(text.strip()))

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Text comes after a pause of ``endpointing`` milliseconds, or when it is asked for."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        pause = int(request.query["endpointing"]) / 1e3
        segment = Segment(int(request.query["sample_rate"]), pause)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                over = segment.hear(message.data)
                if over:
                    later(socket, results(self._final(segment)))
                elif over is False:
                    later(socket, results(Heard(0, "This is", final=False)))
            elif message.type is WSMsgType.TEXT:
                kind = message.json()["type"]
                if kind == "CloseStream":
                    await socket.close()
                elif kind == "Finalize":
                    later(socket, results(self._final(segment)) | {"from_finalize": True})
        return socket

    async def listen_for_turns(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "Connected", "request_id": "r", "sequence_id": 0})
        segment = Segment(int(request.query["sample_rate"]), FLUX_PAUSE)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                over = segment.hear(message.data)
                if over:
                    later(socket, turn(self._final(segment), "EndOfTurn"))
                elif over is False:
                    later(socket, turn(Heard(0, "This is", final=False), "Update"))
            elif message.type is WSMsgType.TEXT and message.json()["type"] == "CloseStream":
                await socket.close()
        return socket

    def _final(self, segment: Segment) -> Heard:
        text = self.understood(segment) if segment.has_speech else ""
        segment.begin()
        return Heard(0, text, final=True)

    async def requests(self, request: web.Request) -> web.Response:
        return web.Response(text=json.dumps({"asked": self.asked, "cut off": self.cut_off}))


def later(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    """Send this after the transcriber's delay. Messages keep their order."""

    async def send() -> None:
        with suppress(ConnectionError, RuntimeError):  # the socket is closed
            await asyncio.sleep(TRANSCRIBER)
            await socket.send_json(message)

    task = asyncio.create_task(send())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


_tasks = set[asyncio.Task[None]]()


if __name__ == "__main__":
    serve(SlowVendors().application())
