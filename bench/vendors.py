"""``python -m bench.vendors PORT``: a transcriber, a model and a voice that answer at once.

It has OpenAI's chat, speech and realtime model, Deepgram's listen, and a receiver of server messages. A
transcript is "order N", so the model's request names its utterance. The log can therefore tell
when that utterance was finalized. ``GET /log/NAME`` lists these moments of one call, whose name
is its system message. All times are those of the machine's monotonic clock.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import defaultdict
from typing import Any

from aiohttp import WSMsgType, web

from bench.sounds import REPLY, SOUNDS
from bench.speech_model import SpeechModel
from bench.vendor_server import LOUD, PARTIAL, serve
from providers.common.audio import audioop
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.deepgram_listen import results
from tests.fakes.vendors.ears import Heard
from tests.fakes.vendors.server import Asked


class Vendors:
    def __init__(self) -> None:
        self.orders = itertools.count(1)
        self.over = dict[int, float]()
        """The moment when an utterance was finalized."""
        self.log = defaultdict[str, list[dict[str, float]]](list)
        self.chat = Chat(REPLY)
        self.speech_model = SpeechModel(REPLY, self.log)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_post("/v1/audio/speech", self.speak)
        app.router.add_get("/v1/listen", self.listen)
        app.router.add_get("/v1/realtime", self.converse)
        app.router.add_get("/log/{name}", self.show)
        return app

    async def complete(self, request: web.Request) -> web.StreamResponse:
        now = time.monotonic()
        body = await request.json()
        spoken = [str(each.get("content")) for each in body["messages"]]
        if "tools" in body:
            self._hand_over(body)
        else:
            order = int(re.findall(r"order (\d+)", spoken[-1])[-1])
            self.log[spoken[0]].append({"heard": self.over.pop(order), "asked": now})
        events = self.chat.events(Asked("", "", {}, {}, body))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"".join(events))
        return response

    def _hand_over(self, body: dict[str, Any]) -> None:
        """A caller's word is handed over. Who was handed the call answers it."""
        if str(body["messages"][-1]["content"]).startswith("This is order"):
            name = body["tools"][0]["function"]["name"]
            self.chat.script.append((name, ["{}"]))

    async def speak(self, request: web.Request) -> web.Response:
        text = (await request.json())["input"]
        return web.Response(body=SOUNDS[text.strip()])

    async def converse(self, request: web.Request) -> web.StreamResponse:
        asked = Asked("GET", request.path, request.query, request.headers, b"")
        return await self.speech_model.answer(request, asked)

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        slice_bytes = int(int(request.query["sample_rate"]) * PARTIAL) * 2
        loud, partials = 0, 0
        async for message in socket:
            if message.type is WSMsgType.BINARY and audioop.rms(message.data, 2) > LOUD:
                loud += len(message.data)
                if loud // slice_bytes > partials:
                    partials = loud // slice_bytes
                    await socket.send_json(results(Heard(0, "This is", final=False)))
            elif message.type is WSMsgType.TEXT:
                kind = message.json()["type"]
                if kind == "CloseStream":
                    await socket.close()
                elif kind == "Finalize":
                    await socket.send_json(self._final(spoken=bool(loud)))
                    loud, partials = 0, 0
        return socket

    def _final(self, *, spoken: bool) -> dict[str, Any]:
        order = next(self.orders)
        self.over[order] = time.monotonic()
        text = f"This is order {order}" if spoken else ""
        return results(Heard(0, text, final=True)) | {"from_finalize": True}

    async def show(self, request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(self.log.pop(request.match_info["name"], [])))


if __name__ == "__main__":
    serve(Vendors().application())
