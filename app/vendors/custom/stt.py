"""Vapi's protocol for a transcriber of the client's own.

A start message, then interleaved stereo: the caller left, the assistant right. Transcriptions of
the assistant are ignored, because its words are known.
https://docs.vapi.ai/customization/custom-transcriber
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import Frame, InterruptionFrame
from pipecat.processors.frame_processor import FrameDirection
from websockets.asyncio.client import ClientConnection

from app.net.authentication import behind
from app.net.types import Addresses
from app.net.websocket import BadHeaders, checked_headers
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, UnbuildableAssistant, as_websocket
from app.vendors.common.stt_websocket import SocketTranscriber, field
from app.vendors.common.tts_part import server_of
from app.vendors.common.vendor import Config

PROVIDER = "custom-transcriber"
# Hertz: the rate of Vapi's own page, on which servers rely.
RATE = 16000
START = {
    "type": "start",
    "encoding": "linear16",
    "container": "raw",
    "sampleRate": RATE,
    "channels": 2,
}
RESPONSE = "transcriber-response"
# Audio of the assistant that waits for the caller's audio of the same moment.
AHEAD_SECONDS = 10


class CustomTranscriber(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call. The output transport also calls ``assistant_said``."""

    def __init__(self, url: str, headers: Mapping[str, str], sample_rate: int) -> None:
        super().__init__(url, headers, sample_rate)
        self._said = bytearray()
        self._left = create_stream_resampler()
        self._right = create_stream_resampler()

    def assistant_said(self, pcm: bytes) -> None:
        """Take audio for the right channel, as it is sent: 16-bit mono at the call's rate."""
        self._said += pcm
        del self._said[: max(0, len(self._said) - AHEAD_SECONDS * self._init_rate * 2)]

    @property
    def _init_rate(self) -> int:
        return self._init_sample_rate or RATE

    async def greet(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps(START))

    async def encode(self, pcm: bytes) -> bytes:
        said = bytes(self._said[: len(pcm)]).ljust(len(pcm), b"\0")
        del self._said[: len(pcm)]
        left = await self._left.resample(pcm, self._init_rate, RATE)
        right = await self._right.resample(said, self._init_rate, RATE)
        return stereo(left, right)

    async def hear(self, message: str | bytes) -> None:
        heard = parse(message)
        if heard is not None:
            text, final = heard
            await self.say(text, final=final, result=message)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            self._said.clear()  # the carrier drops it too
        await super().process_frame(frame, direction)


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> CustomTranscriber:
    """Build the service. Raises ``UnbuildableAssistant``."""
    server = server_of(config)
    url = as_websocket(field(server, "url"))
    try:
        headers = checked_headers(server.get("headers") or {}, "transcriber.server.headers")
    except BadHeaders as error:
        raise UnbuildableAssistant(TRANSCRIBER, PROVIDER, str(error)) from error
    if secret := field(server, "secret") or account.key:
        headers["X-Vapi-Secret"] = secret
    made = CustomTranscriber(url, headers, sample_rate)
    made.addresses, made.signer = addresses, behind(account.signer_of(server), headers)
    return made


def parse(message: str | bytes) -> tuple[str, bool] | None:
    """(text, whether it is final) of a transcription of the caller; None for other messages.

    ``transcriptType`` "partial" was added later; a transcription without it is final.
    """
    try:
        body = json.loads(message)
    except ValueError:
        return None
    if field(body, "type") != RESPONSE or field(body, "channel") == "assistant":
        return None
    return field(body, "transcription"), field(body, "transcriptType") != "partial"


def stereo(left: bytes, right: bytes) -> bytes:
    """Two channels of the same length, interleaved. 16-bit PCM."""
    samples = np.empty((len(left) // 2, 2), dtype="<i2")
    samples[:, 0] = np.frombuffer(left, dtype="<i2")
    samples[:, 1] = np.frombuffer(right, dtype="<i2")
    return samples.tobytes()
