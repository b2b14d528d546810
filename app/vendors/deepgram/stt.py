"""Deepgram's streaming transcription.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
"""

from __future__ import annotations

from collections.abc import Mapping

import deepgram.listen.client  # noqa: F401  # the SDK would import it when a first call connects
from pipecat.services.deepgram.stt import DeepgramSTTService
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.net.websocket import open_socket
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import CONNECT_SECONDS, ConnectTimeout
from app.vendors.common.errors import (
    TRANSCRIBER,
    UnbuildableAssistant,
    as_websocket,
    deny_all,
)
from app.vendors.common.settings_map import read
from app.vendors.common.vendor import Config
from app.vendors.deepgram import FIELDS, flux
from app.vendors.deepgram.sdk_workarounds import address_of, connects_by, without_http

# Vapi's default.
MODEL = "nova-2"
# For the end of a socket.
CLOSE_SECONDS = 2.0
# Bytes of one message; the library's default.
MAX_MESSAGE = 1024 * 1024
# Vapi's default.
ENDPOINTING_MILLISECONDS = 10


class Deepgram(ConnectTimeout, DeepgramSTTService):
    """pipecat's service with a connect timeout."""

    # The rule for the server's addresses; None: it is the vendor's, or the operator's own.
    addresses: Addresses | None = staticmethod(deny_all)

    async def _connection_handler(self) -> None:
        """Opens sockets, in a task of its own."""
        with connects_by(self._open):
            await super()._connection_handler()  # type: ignore[no-untyped-call]  # untyped there

    async def _open(self, url: str, headers: Mapping[str, str]) -> ClientConnection:
        socket = await open_socket(
            url,
            self.addresses,
            headers=headers,
            seconds=CONNECT_SECONDS,
            close_seconds=CLOSE_SECONDS,
            max_message=MAX_MESSAGE,
        )
        self.note_socket(socket)
        return socket


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> Deepgram | flux.Flux:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, FIELDS, model=MODEL, endpointing=ENDPOINTING_MILLISECONDS)
    if settings["model"].startswith("flux"):
        return flux.make(config, account, sample_rate, addresses)
    if settings["model"].startswith("nova-3") and "keywords" in settings:
        settings["keyterm"] = [*settings.get("keyterm", []), *_terms(settings.pop("keywords"))]
    url = account.url or ""
    without_http()
    service = Deepgram(
        api_key=account.key or "",
        base_url=url,
        sample_rate=sample_rate,
        mip_opt_out=True if config.get("mipOptOut") is True else None,
        settings=Deepgram.Settings(**settings),
    )
    if address_of(service) != as_websocket(url):
        text = f"Deepgram's client does not take the address {as_websocket(url)}."
        raise UnbuildableAssistant(TRANSCRIBER, "deepgram", text)
    service.addresses = account.rule(addresses)
    return service


def _terms(keywords: list[str]) -> list[str]:
    """Key terms from ``keywords``, which Nova-3 refuses. Key terms have no weight behind a colon.

    https://developers.deepgram.com/docs/keyterm
    """
    return [word.partition(":")[0] for word in keywords]
