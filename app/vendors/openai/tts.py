"""OpenAI's speech API, also at other addresses with its protocol.

https://platform.openai.com/docs/api-reference/audio/createSpeech
"""

from __future__ import annotations

import json

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.openai import ADDRESS

# Hertz; its ``pcm`` has no other.
RATE = 24_000
MODEL = "tts-1"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    return http_voice(ask_for(config, account), config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount) -> Ask:
    """The request for each sentence."""
    url = f"{(account.url or ADDRESS).rstrip('/')}/audio/speech"
    headers = {"Content-Type": "application/json"}
    if account.key:
        headers["Authorization"] = f"Bearer {account.key}"
    optional = {name: config[name] for name in ("speed", "instructions") if config.get(name)}

    def ask(text: str) -> Request:
        body = {
            "model": config.get("model") or MODEL,
            "voice": config["voiceId"],
            "input": text,
            "response_format": "pcm",
            **optional,
        }
        return Request(url, json.dumps(body).encode(), RATE, headers)

    return ask
