"""Google's ``POST /v1/speech:recognize``.

https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize
"""

from __future__ import annotations

import base64

from aiohttp import web

from tests.fakes.vendors.ears import Recogniser
from tests.fakes.vendors.recognize import Recognizer
from tests.fakes.vendors.server import Asked


class GoogleRecognize(Recognizer):
    """An utterance without words is answered with an empty object."""

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        assert asked.path == "/v1/speech:recognize"
        config = asked.body["config"]
        assert config["encoding"] == "LINEAR16"
        pcm = base64.b64decode(asked.body["audio"]["content"], validate=True)
        self.sound += pcm
        text = self.text(Recogniser([self.sentence], config["sampleRateHertz"]), pcm)
        results = [{"alternatives": [{"transcript": text, "confidence": 0.9}]}] if text else []
        return web.json_response({"results": results, "requestId": "1"} if results else {})
