"""Talkscriber's streaming transcription, in its own client's protocol.

https://github.com/Talkscriber/ts-client-nodejs/tree/main/speech-to-text

A greeting with the key comes first, then ``SERVER_READY``, then 32-bit float audio at 16 kHz. Every
answer repeats the segments so far, and ``EOS`` marks those that will not change. No message marks
the end of a turn.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

import numpy as np
from pipecat.audio.utils import create_stream_resampler
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import Rejected, SocketTranscriber, TooManyStreams, field
from app.vendors.common.vendor import Config
from app.vendors.talkscriber import FIELDS

RATE = 16000
# Silence that ends a segment when its model is not sure; its client's default.
TURN_SECONDS = 0.6


class Talkscriber(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call."""

    def __init__(self, url: str, key: str, sample_rate: int, model: str, language: str) -> None:
        super().__init__(url, {}, sample_rate, model=model, language=language)
        self._key = key
        self._language = language
        self._rate = sample_rate
        self._resampler = create_stream_resampler()
        self._done = -1.0

    async def greet(self, socket: ClientConnection) -> None:
        self._done = -1.0  # a new socket counts its seconds from 0
        greeting = {
            "uid": str(uuid.uuid4()),
            "multilingual": False,
            "language": self._language,
            "task": "transcribe",
            "auth": self._key,
            "enable_turn_detection": True,
            "turn_detection_timeout": TURN_SECONDS,
        }
        await socket.send(json.dumps(greeting))
        answer = json.loads(await socket.recv())
        if field(answer, "message") == "UNAUTHORIZED":
            raise Rejected("Talkscriber does not know the key")
        if field(answer, "message") != "SERVER_READY":
            raise TooManyStreams("Talkscriber has no room")  # status WAIT

    async def encode(self, pcm: bytes) -> bytes:
        samples = await self._resampler.resample(pcm, self._rate, RATE)
        return (np.frombuffer(samples, dtype="<i2").astype("<f4") / 32768).tobytes()

    async def hear(self, message: str | bytes) -> None:
        for text, final in self._news(json.loads(message)):
            await self.say(text, final=final, result=message)

    def _news(self, body: object) -> list[tuple[str, bool]]:
        """The segments that were not final before: (text, final)."""
        segments = body.get("segments") if isinstance(body, Mapping) else None
        news = list[tuple[str, bool]]()
        for segment in segments or []:
            start, final = float(segment["start"]), segment.get("EOS") is True
            if start <= self._done:
                continue
            news.append((field(segment, "text"), final))
            if final:
                self._done = start
        return news


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> Talkscriber:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, FIELDS, model="whisper", language="en")
    made = Talkscriber(as_websocket(account.url or ""), account.key or "", sample_rate, **settings)
    made.addresses = account.rule(addresses)
    return made
