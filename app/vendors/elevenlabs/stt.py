"""ElevenLabs' streaming transcription.

https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import SocketTranscriber, field
from app.vendors.common.vendor import Config
from app.vendors.elevenlabs import TRANSCRIBER_FIELDS

PATH = "/v1/speech-to-text/realtime"
MODEL = "scribe_v2_realtime"
# Vapi's name is that of the model for files, which has no stream.
MODELS = {"scribe_v1": MODEL, "scribe_v2": MODEL}
# Kinds of messages that are no error.
FINAL, PARTIAL = "committed_transcript", "partial_transcript"
OTHERS = frozenset({"session_started", "committed_transcript_with_timestamps"})


class ElevenLabs(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call. A turn is final once it is committed."""

    async def greet(self, socket: ClientConnection) -> None:
        """The URL has said all."""

    async def encode(self, pcm: bytes) -> str:
        return chunk(pcm)

    def finish(self) -> str:
        return chunk(b"", commit=True)

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        kind = field(body, "message_type")
        if kind in (FINAL, PARTIAL):
            final = kind == FINAL
            await self.say(field(body, "text"), final=final, result=body, finished=final)
        elif kind not in OTHERS:
            await self.push_error(f"ElevenLabs: {kind}: {field(body, 'error')}")


def chunk(pcm: bytes, *, commit: bool = False) -> str:
    """A piece of sound. ``commit``: the turn ends behind it."""
    sound = base64.b64encode(pcm).decode()
    body = {"message_type": "input_audio_chunk", "audio_base_64": sound, "commit": commit}
    return json.dumps(body)


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> ElevenLabs:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, model_id=MODEL)
    settings["model_id"] = MODELS.get(settings["model_id"], settings["model_id"])
    form = {"audio_format": f"pcm_{sample_rate}", "commit_strategy": "manual"}
    url = f"{as_websocket(account.url or '')}{PATH}?{urlencode({**settings, **form})}"
    headers = {"xi-api-key": account.key or ""}
    made = ElevenLabs(url, headers, sample_rate, model=settings["model_id"])
    made.addresses = account.rule(addresses)
    return made
