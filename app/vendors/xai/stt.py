"""xAI's streaming transcription. https://docs.x.ai/docs/api-reference"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import Rejected, SocketTranscriber, field
from app.vendors.common.vendor import Config
from app.vendors.xai import TRANSCRIBER_FIELDS

PATH = "/stt"


class XAI(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call. A turn's text is final when its speech is."""

    async def greet(self, socket: ClientConnection) -> None:
        first = json.loads(await socket.recv())
        if field(first, "type") != "transcript.created":
            raise Rejected(f"xAI: {field(first, 'message') or field(first, 'type')}")

    async def encode(self, pcm: bytes) -> bytes:
        return pcm

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        kind = field(body, "type")
        if kind == "error":
            await self.push_error(f"xAI: {field(body, 'message') or message!r}")
        elif kind in ("transcript.partial", "transcript.done"):
            whole = body.get("is_final") is True and body.get("speech_final") is True
            final = whole or kind == "transcript.done"
            await self.say(field(body, "text"), final=final, result=body, finished=final)


def make(config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses) -> XAI:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, language="en")
    sound = {"sample_rate": sample_rate, "encoding": "pcm", "interim_results": "true"}
    url = f"{as_websocket(account.url or '')}{PATH}?{urlencode({**settings, **sound})}"
    made = XAI(url, {"Authorization": f"Bearer {account.key}"}, sample_rate)
    made.addresses = account.rule(addresses)
    return made
