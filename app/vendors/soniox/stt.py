"""Soniox's streaming transcription. https://soniox.com/docs/stt/api-reference/websocket-api

Tokens come again until they are final. A special token ends a turn, by Soniox's own judgement or
because it was asked to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import SocketTranscriber, field
from app.vendors.common.vendor import Config
from app.vendors.soniox import FIELDS
from providers.common.json_types import JsonDict, JsonObject

PATH = "/transcribe-websocket"
MODEL = "stt-rt-v4"
ENDS = frozenset({"<end>", "<fin>"})
# By the code of an error: the others are retried.
REFUSALS = {
    400: ErrorCategory.INVALID_REQUEST,
    401: ErrorCategory.AUTHENTICATION,
    402: ErrorCategory.AUTHORIZATION,  # no money left
    403: ErrorCategory.AUTHORIZATION,
}


class Soniox(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call."""

    def __init__(self, url: str, sample_rate: int, opening: JsonObject) -> None:
        headers = {"Authorization": f"Bearer {opening['api_key']}"}
        super().__init__(url, headers, sample_rate, model=opening["model"])
        self._opening = opening
        self._finals = ""

    async def greet(self, socket: ClientConnection) -> None:
        self._finals = ""
        await socket.send(json.dumps(self._opening))

    async def encode(self, pcm: bytes) -> bytes:
        return pcm

    def finish(self) -> str:
        return json.dumps({"type": "finalize"})

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        code = body.get("error_code")
        if code is not None:
            text = f"Soniox: {field(body, 'error_message')} ({code})"
            await self.push_error(text, category=REFUSALS.get(code))
            return
        tokens = [each for each in body.get("tokens") or () if isinstance(each, Mapping)]
        rest = ""
        for token in tokens:
            text = field(token, "text")
            if text in ENDS:
                said, self._finals = self._finals, ""
                await self.say(said, final=True, result=body, finished=True)
            elif token.get("is_final") is True:
                self._finals += text
            else:
                rest += text
        await self.say(self._finals + rest, final=False, result=body)


def make(config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses) -> Soniox:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, FIELDS, model=MODEL)
    one, several = settings.pop("language", None), settings.pop("languages", [])
    terms = settings.pop("terms", [])
    opening: JsonDict = {
        "api_key": account.key or "",
        "audio_format": "pcm_s16le",
        "sample_rate": sample_rate,
        "num_channels": 1,
        "enable_endpoint_detection": True,
        "language_hints": list(dict.fromkeys([*([one] if one else []), *several])),
        **({"context": {"terms": terms}} if terms else {}),
        **settings,
    }
    made = Soniox(as_websocket(account.url or "") + PATH, sample_rate, opening)
    made.addresses = account.rule(addresses)
    return made
