"""Azure's speech recognition for short audio.

https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short
"""

from __future__ import annotations

import io
import wave

from aiohttp import web

from tests.fakes.vendors.ears import Recogniser
from tests.fakes.vendors.recognize import Recognizer
from tests.fakes.vendors.server import Asked


class AzureRecognize(Recognizer):
    """Takes WAV files of 16 kHz."""

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        assert asked.path == "/speech/recognition/conversation/cognitiveservices/v1"
        assert asked.headers["Content-Type"].startswith("audio/wav")
        with wave.open(io.BytesIO(asked.body)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
            pcm = file.readframes(file.getnframes())
        self.sound += pcm
        text = self.text(Recogniser([self.sentence], 16000), pcm)
        if not text:
            return web.json_response({"RecognitionStatus": "NoMatch", "Offset": 0, "Duration": 0})
        found = {"RecognitionStatus": "Success", "DisplayText": text, "Offset": 0, "Duration": 1}
        return web.json_response(found)
