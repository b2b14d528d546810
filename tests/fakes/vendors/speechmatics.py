"""Speechmatics' ``/v2``. https://docs.speechmatics.com/api-ref/realtime-transcription-websocket"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser


class Speechmatics(Ears):
    """Every piece of sound is acknowledged; transcripts come as they are known."""

    def __init__(self, *script: str) -> None:
        super().__init__(*script)
        self.error: str | None = None
        """The type of the error that answers every greeting."""

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["message"] != "StartRecognition":
            return
        if self.error:
            await socket.send_json({"message": "Error", "type": self.error, "reason": "no"})
            return
        self._ears = Recogniser(self.script, body["audio_format"]["sample_rate"])
        await socket.send_json({"message": "Info", "type": "recognition_quality", "reason": "x"})
        await socket.send_json({"message": "RecognitionStarted", "id": "s"})

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        await socket.send_json({"message": "AudioAdded", "seq_no": 1})
        for heard in self._ears.feed(sound):
            kind = "AddTranscript" if heard.final else "AddPartialTranscript"
            said = {"transcript": heard.text, "start_time": 0.0, "end_time": 1.0}
            await socket.send_json({"message": kind, "metadata": said, "results": []})
