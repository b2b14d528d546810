"""Cartesia's streaming transcription. https://docs.cartesia.ai/api-reference/stt/stt"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.vendors.cartesia import TRANSCRIBER_FIELDS
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.settings_map import read
from app.vendors.common.stt_websocket import SocketTranscriber, field
from app.vendors.common.vendor import Config

PATH = "/stt/websocket"
VERSION = "2026-03-01"


class Cartesia(ConnectTimeout, SocketTranscriber):
    """The transcriber of one call."""

    async def greet(self, socket: ClientConnection) -> None:
        """The URL has said all."""

    async def encode(self, pcm: bytes) -> bytes:
        return pcm

    def finish(self) -> str:
        return "finalize"

    async def hear(self, message: str | bytes) -> None:
        body = json.loads(message)
        if field(body, "type") == "error":
            await self.push_error(f"Cartesia: {field(body, 'message') or message!r}")
        elif field(body, "type") == "transcript":
            final = body.get("is_final") is True
            await self.say(field(body, "text"), final=final, result=body)


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> Cartesia:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, model="ink-whisper", language="en")
    query = urlencode({**settings, "encoding": "pcm_s16le", "sample_rate": sample_rate})
    headers = {"Cartesia-Version": VERSION, "X-API-Key": account.key or ""}
    url = f"{as_websocket(account.url or '')}{PATH}?{query}"
    made = Cartesia(url, headers, sample_rate, model=settings["model"])
    made.addresses = account.rule(addresses)
    return made
