"""OpenAI's streaming transcription. https://platform.openai.com/docs/guides/realtime-transcription

The server is asked for the text of each turn, once the caller pauses.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from pipecat.audio.utils import create_stream_resampler
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import SocketTranscriber, field
from app.vendors.common.vendor import Config
from app.vendors.openai import TRANSCRIBER_FIELDS
from providers.common.json_types import JsonDict, JsonObject

PATH = "/realtime?intent=transcription"
# Hertz; its ``audio/pcm`` has no other.
RATE = 24_000
TEXTS = "conversation.item.input_audio_transcription."
# An error of a turn that had no sound.
EMPTY = "input_audio_buffer_commit_empty"
REFUSALS = {
    "invalid_api_key": ErrorCategory.AUTHENTICATION,
    "insufficient_quota": ErrorCategory.AUTHORIZATION,
    "model_not_found": ErrorCategory.INVALID_REQUEST,
}


class OpenAITranscriber(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call."""

    def __init__(self, url: str, key: str, sample_rate: int, settings: JsonObject) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        super().__init__(url, headers, sample_rate, model=settings["model"])
        self._transcription = settings
        self._rate = sample_rate
        self._resampler = create_stream_resampler()
        self._begun = dict[str, str]()

    async def greet(self, socket: ClientConnection) -> None:
        self._begun.clear()
        sound: JsonDict = {
            "format": {"type": "audio/pcm", "rate": RATE},
            "transcription": dict(self._transcription),
            "turn_detection": None,
        }
        session = {"type": "transcription", "audio": {"input": sound}}
        await socket.send(json.dumps({"type": "session.update", "session": session}))

    async def encode(self, pcm: bytes) -> str:
        samples = await self._resampler.resample(pcm, self._rate, RATE)
        if not samples:
            return ""
        sound = base64.b64encode(samples).decode()
        return json.dumps({"type": "input_audio_buffer.append", "audio": sound})

    def finish(self) -> str:
        return json.dumps({"type": "input_audio_buffer.commit"})

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        kind, item = field(body, "type"), field(body, "item_id")
        if kind == f"{TEXTS}delta":
            self._begun[item] = self._begun.get(item, "") + field(body, "delta")
            await self.say(self._begun[item], final=False, result=body)
        elif kind == f"{TEXTS}completed":
            self._begun.pop(item, None)
            await self.say(field(body, "transcript"), final=True, result=body, finished=True)
        elif kind in ("error", f"{TEXTS}failed"):
            await self._failed(body.get("error"))

    async def _failed(self, error: object) -> None:
        code = field(error, "code") if isinstance(error, Mapping) else ""
        if code != EMPTY:
            text = f"OpenAI: {field(error, 'message')} ({code})"
            await self.push_error(text, category=REFUSALS.get(code))


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> OpenAITranscriber:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, model="gpt-4o-transcribe")
    url = as_websocket(account.url or "") + PATH
    made = OpenAITranscriber(url, account.key or "", sample_rate, settings)
    made.addresses = account.rule(addresses)
    return made
