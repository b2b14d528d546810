""""""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Config, Request, _bearer
from app.vendors.common.tts_part import Custom, _http, _rule
from app.vendors.openai import tts as openai_tts

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


def _openai(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> TTSService:
    ask = openai_tts.openai(config, account, sample_rate)
    return _http(config, ask, sample_rate, addresses=_rule(account, custom))


OPENAI_URL = "https://api.openai.com/v1"


OPENAI_RATE = 24_000
"""Hertz; its ``pcm`` has no other. https://platform.openai.com/docs/api-reference/audio/createSpeech"""


OPENAI_MODEL = "tts-1"


def openai(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """Also for whatever speaks OpenAI's ``/audio/speech`` at another address."""
    optional = {name: config[name] for name in ("speed", "instructions") if config.get(name)}

    def ask(text: str) -> Request:
        body = {
            "model": config.get("model") or OPENAI_MODEL,
            "voice": config["voiceId"],
            "input": text,
            "response_format": "pcm",
            **optional,
        }
        return Request(
            f"{(account.url or OPENAI_URL).rstrip('/')}/audio/speech",
            json.dumps(body).encode(),
            OPENAI_RATE,
            {"Content-Type": "application/json", **_bearer(account.key)},
        )

    return ask
