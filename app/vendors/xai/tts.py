"""xAI's voices, over HTTP. https://docs.x.ai/docs/guides/voice"""

from __future__ import annotations

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request, json_request, rate_of
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.xai import ADDRESS
from providers.common.json_types import JsonDict

LANGUAGE = "auto"
RATES = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence."""
    url, rate = f"{(account.url or ADDRESS).rstrip('/')}/tts", rate_of(RATES, sample_rate)
    body: JsonDict = {
        "voice_id": config["voiceId"],
        "language": config.get("language") or LANGUAGE,
        "output_format": {"codec": "pcm", "sample_rate": rate},
    }
    if config.get("speed"):
        body["speed"] = config["speed"]

    def ask(text: str) -> Request:
        headers = {"Authorization": f"Bearer {account.key or ''}"}
        return json_request(url, {**body, "text": text}, rate, headers)

    return ask
