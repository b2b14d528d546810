"""Talkscriber's recognition, as its client expects it. https://github.com/Talkscriber/ts-client-nodejs"""

from __future__ import annotations

from typing import Any

import numpy as np
from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser


class Talkscriber(Ears):
    """Every answer repeats all segments. Sound: 32-bit float at 16 kHz."""

    def __init__(self, *script: str) -> None:
        super().__init__(*script)
        self.key = "key"
        """Anybody else is not let in."""
        self.full = False
        """Has no room for anybody."""

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["auth"] != self.key:
            await socket.send_json({"status": "ERROR", "message": "UNAUTHORIZED"})
            await socket.close()
        elif self.full:
            await socket.send_json({"uid": body["uid"], "status": "WAIT", "message": "5"})
        else:
            self._uid = body["uid"]
            self._segments = dict[int, dict[str, Any]]()
            self._ears = Recogniser(self.script, 16000)
            await socket.send_json({"session_id": self._uid, "message": "SERVER_READY"})

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        pcm = (np.frombuffer(sound, dtype="<f4") * 32767).astype("<i2").tobytes()
        for heard in self._ears.feed(pcm):
            start = float(heard.number)
            segment = {"start": start, "end": start + 0.9, "text": heard.text, "EOS": heard.final}
            self._segments[heard.number] = segment
            answer = {"uid": self._uid, "segments": list(self._segments.values())}
            await socket.send_json(answer)
