"""Deepgram's ``/v2/listen``. https://developers.deepgram.com/docs/flux/quickstart"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Heard, Recogniser


class DeepgramFlux(Ears):
    """Events of turns, whose ends the server decides."""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears = Recogniser(self.script, int(request.query["sample_rate"]))
        await socket.send_json({"type": "Connected", "request_id": "r", "sequence_id": 0})

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears.feed(sound):
            if not heard.final:
                await socket.send_json(turn(heard, "StartOfTurn", ""))
            await socket.send_json(turn(heard, "EndOfTurn" if heard.final else "Update"))

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "CloseStream":
            await socket.close()


def turn(heard: Heard, event: str, text: str | None = None) -> dict[str, Any]:
    said = heard.text if text is None else text
    return {
        "type": "TurnInfo",
        "request_id": "r",
        "sequence_id": 1,
        "event": event,
        "turn_index": heard.number,
        "audio_window_start": 0.0,
        "audio_window_end": 1.0,
        "transcript": said,
        "words": [{"word": word, "confidence": 0.9} for word in said.split()],
        "end_of_turn_confidence": 0.9 if heard.final else 0.1,
    }
