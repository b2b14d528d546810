"""AssemblyAI's ``/v3/ws``. https://www.assemblyai.com/docs/api-reference/streaming-api/streaming-api"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Heard, Recogniser


class AssemblyAI(Ears):
    """A turn ends twice where turns are formatted: as it was heard, then formatted."""

    def __init__(self, *script: str) -> None:
        super().__init__(*script)
        self.error: tuple[int, str] | None = None
        """Code and text of an ``Error`` behind which every socket is closed."""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        if self.error:
            code, text = self.error
            await socket.send_json({"type": "Error", "error_code": code, "error": text})
            await socket.close(code=code, message=b"See Error message for details")
            return
        self._formats = request.query.get("format_turns") == "true"
        self._ears = Recogniser(self.script, int(request.query["sample_rate"]))
        await socket.send_json({"type": "Begin", "id": "s", "expires_at": 4102444800})

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears.feed(sound):
            await self._tell(socket, heard)

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "ForceEndpoint" and not self.mute:
            for heard in self._ears.finish():
                await self._tell(socket, heard)
        elif body["type"] == "Terminate":
            facts = {"audio_duration_seconds": 1, "session_duration_seconds": 1}
            await socket.send_json({"type": "Termination", **facts})
            await socket.close()

    async def _tell(self, socket: web.WebSocketResponse, heard: Heard) -> None:
        if heard.final and self._formats:
            plain = heard.text.lower().rstrip(".")
            await socket.send_json(turn(heard, plain, formatted=False))
        await socket.send_json(turn(heard, heard.text, formatted=heard.final and self._formats))


def turn(heard: Heard, text: str, *, formatted: bool) -> dict[str, Any]:
    return {
        "type": "Turn",
        "turn_order": heard.number,
        "turn_is_formatted": formatted,
        "end_of_turn": heard.final,
        "transcript": text,
        "end_of_turn_confidence": 0.9 if heard.final else 0.1,
        "words": [],
    }
