"""Speechmatics' streaming transcription. https://docs.speechmatics.com/api-ref/realtime-transcription-websocket"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors import speechmatics
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import Rejected, SocketTranscriber, TooManyStreams, field
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict, JsonObject

PATH = "/v2"
# Of an own account, by the assistant's ``region``.
HOSTS = {"eu": "wss://eu2.rt.speechmatics.com", "us": "wss://us2.rt.speechmatics.com"}
# Milliseconds until a text is final; Vapi's default is 3000, too long for a talk.
MAX_DELAY = 700
# Seconds that the server takes, at least and at most.
DELAYS = (0.7, 4.0)
# Errors by which it says that it has no room just now.
BUSY = frozenset({"quota_exceeded", "timelimit_exceeded", "job_error"})
STARTED, ERROR = "RecognitionStarted", "Error"
FINAL, PARTIAL = "AddTranscript", "AddPartialTranscript"


class Speechmatics(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call."""

    def __init__(self, url: str, key: str, sample_rate: int, settings: JsonObject) -> None:
        super().__init__(url, {"Authorization": f"Bearer {key}"}, sample_rate)
        self._opening: JsonDict = {
            "message": "StartRecognition",
            "audio_format": {"type": "raw", "encoding": "pcm_s16le", "sample_rate": sample_rate},
            "transcription_config": {"enable_partials": True, **settings},
        }

    async def greet(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps(self._opening))
        while True:
            answer = json.loads(await socket.recv())
            kind = field(answer, "message")
            if kind == STARTED:
                return
            if kind == ERROR:
                said = f"Speechmatics: {field(answer, 'type')}: {field(answer, 'reason')}"
                raise (TooManyStreams if field(answer, "type") in BUSY else Rejected)(said)

    async def encode(self, pcm: bytes) -> bytes:
        return pcm

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        kind = field(body, "message")
        if kind == ERROR:
            said = f"Speechmatics: {field(body, 'type')}: {field(body, 'reason')}"
            await self.push_error(said, category=ErrorCategory.UNKNOWN)
        elif kind in (FINAL, PARTIAL):
            found = body.get("metadata")
            text = field(found, "transcript") if isinstance(found, Mapping) else ""
            await self.say(text, final=kind == FINAL, result=body)


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> Speechmatics:
    """Build the service. Raises ``UnbuildableAssistant``."""
    defaults = {"language": "en", "operating_point": "enhanced", "max_delay": MAX_DELAY}
    settings = read(TRANSCRIBER, config, speechmatics.FIELDS, **defaults)
    least, most = DELAYS
    settings["max_delay"] = min(most, max(least, settings["max_delay"] / 1000))
    region, url = settings.pop("region", None), as_websocket(account.url or "")
    if region and url in HOSTS.values():
        url = HOSTS[region]
    made = Speechmatics(url + PATH, account.key or "", sample_rate, settings)
    made.addresses = account.rule(addresses)
    return made
