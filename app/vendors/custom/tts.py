""""""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Config, Request
from app.vendors.common.tts_part import CUSTOM_SECONDS, Custom, _http, server_of
from app.vendors.custom import tts as custom_tts

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


def _custom(config: Config, _: VendorAccount, sample_rate: int, custom: Custom) -> TTSService:
    server = server_of(config)
    ask = custom_tts.custom({**config, "server": server}, custom.about, sample_rate)
    seconds = float(server.get("timeoutSeconds") or CUSTOM_SECONDS)
    return _http(config, ask, sample_rate, addresses=custom.addresses, answer_seconds=seconds)


def custom(config: Config, about: Mapping[str, Any], sample_rate: int) -> Ask:
    """Vapi's ``voice-request``, to the server of the voice.

    ``about``: the rest of the message, what other server messages tell of their call.
    https://docs.vapi.ai/customization/custom-voices/custom-tts
    """
    server = config["server"]
    headers = {"Content-Type": "application/json", **(server.get("headers") or {})}
    if server.get("secret"):
        headers["X-Vapi-Secret"] = server["secret"]

    def ask(text: str) -> Request:
        told = {"type": "voice-request", "text": text, "sampleRate": sample_rate}
        body = json.dumps({"message": {**about, **told}}).encode()
        return Request(server["url"], body, sample_rate, headers)

    return ask
