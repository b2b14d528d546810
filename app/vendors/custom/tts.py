"""Vapi's ``voice-request``, to the server of the voice.

https://docs.vapi.ai/customization/custom-voices/custom-tts
"""

from __future__ import annotations

import json

from app.net.authentication import behind, body_signature
from app.net.headers import without_framing
from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request
from app.vendors.common.tts_http import HttpVoice
from app.vendors.common.tts_part import Custom, server_of
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonObject

# The timeout of the voice's server without ``timeoutSeconds``.
ANSWER_SECONDS = 20.0
SECRET, SIGNATURE = "X-Vapi-Secret", "X-Vapi-Signature"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    server = server_of(config)
    return HttpVoice(
        ask_for(server, custom.about, sample_rate),
        sample_rate,
        model=config.get("model"),
        voice=config.get("voiceId"),
        addresses=custom.addresses,
        answer_seconds=float(server.get("timeoutSeconds") or ANSWER_SECONDS),
        signer=behind(account.signer_of(server), server.get("headers") or {}),
    )


def ask_for(server: JsonObject, about: JsonObject, sample_rate: int) -> Ask:
    """The request for each sentence.

    ``about``: the rest of the message, as in other server messages of the call.
    """
    own = without_framing(server.get("headers") or {})
    headers = {"Content-Type": "application/json", **own}
    secret = server.get("secret")

    def ask(text: str) -> Request:
        told = {"type": "voice-request", "text": text, "sampleRate": sample_rate}
        body = json.dumps({"message": {**about, **told}}).encode()
        signed = {SECRET: secret, SIGNATURE: body_signature(body, secret)} if secret else {}
        return Request(server["url"], body, sample_rate, {**headers, **signed})

    return ask
