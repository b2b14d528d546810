"""One maker for each way of speaking: an assistant's ``voice`` in, the engine's service out.

The media engine is imported when a voice is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.net.types import Addresses
from app.vendors.common import speech_request
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import as_websocket
from app.vendors.common.speech_request import Config

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

DISCONTINUED = frozenset({"playht", "lmnt", "neets"})
"""Out of business: they speak only through an address that takes OpenAI's requests."""

CUSTOM_SECONDS = 20.0
"""Of a custom voice's server, unless its ``timeoutSeconds`` says otherwise."""


@dataclass(frozen=True, slots=True)
class Custom:
    """What a ``custom-voice`` needs beside its own configuration.

    ``addresses``: the rule for whose servers may be asked. ``about``: call, assistant and so on,
    for the message.
    """

    addresses: Addresses
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)


Maker = Callable[[Config, VendorAccount, int, Custom], "TTSService"]


def _rule(account: VendorAccount, custom: Custom) -> Addresses | None:
    """Only an address that a client chose is judged."""
    return custom.addresses if account.client_supplied and account.url else None


def _http(config: Config, ask: speech_request.Ask, sample_rate: int, **more: Any) -> TTSService:
    from app.vendors.common.tts_http import HttpVoice

    return HttpVoice(
        ask, sample_rate, model=config.get("model"), voice=config.get("voiceId"), **more
    )


def _ws(url: str | None, default: str) -> str:
    """A vendor's address may be given as http or as ws."""
    return as_websocket((url or default).rstrip("/"))


def server_of(config: Config) -> Mapping[str, Any]:
    """Of a ``custom-voice``; empty where it has none."""
    server = config.get("server")
    return server if isinstance(server, Mapping) else {}
