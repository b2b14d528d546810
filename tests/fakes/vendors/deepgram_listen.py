"""Deepgram's ``/v1/listen``. https://developers.deepgram.com/reference/speech-to-text/listen-streaming"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Heard, Recogniser


class DeepgramListen(Ears):
    """Interim and final results; the answer to ``Finalize`` says ``from_finalize``."""

    def __init__(self, *script: str) -> None:
        super().__init__(*script)
        self._ears = dict[web.WebSocketResponse, Recogniser]()
        """By socket: a supervisor has one beside the caller's."""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears[socket] = Recogniser(self.script, int(request.query["sample_rate"]))

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears[socket].feed(sound):
            await socket.send_json(results(heard))

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "Finalize" and not self.mute:
            waiting = list(self._ears[socket].finish()) or [Heard(0, "", final=True)]
            for heard in waiting:
                await socket.send_json(results(heard) | {"from_finalize": True})
        elif body["type"] == "CloseStream":
            await socket.close()


def results(heard: Heard) -> dict[str, Any]:
    words = [
        {"word": word, "start": 0.0, "end": 0.1, "confidence": 0.9} for word in heard.text.split()
    ]
    alternative = {"transcript": heard.text, "confidence": 0.9, "words": words}
    info = {"name": "stand-in", "version": "1", "arch": "none"}
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 1.0,
        "is_final": heard.final,
        "speech_final": heard.final,
        "channel": {"alternatives": [alternative]},
        "metadata": {"request_id": "r", "model_uuid": "m", "model_info": info},
    }
