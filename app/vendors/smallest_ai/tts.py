"""Smallest AI's voices, over HTTP. https://waves-docs.smallest.ai/content/api-references"""

from __future__ import annotations

from urllib.parse import quote

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request, json_request, rate_of
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

ADDRESS = "https://waves-api.smallest.ai/api/v1"
MODEL = "lightning"
RATES = (8000, 16_000, 24_000)
# Models that ask for plain sound by a field of their own.
FIRST_MODELS = frozenset({"lightning", "lightning-large"})


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence. The model is a part of its path."""
    model, rate = config.get("model") or MODEL, rate_of(RATES, sample_rate)
    url = f"{(account.url or ADDRESS).rstrip('/')}/{quote(model, safe='')}/get_speech"
    plain: JsonDict = (
        {"add_wav_header": False} if model in FIRST_MODELS else {"output_format": "pcm"}
    )
    body: JsonDict = {"voice_id": config["voiceId"], "sample_rate": rate, **plain}
    if config.get("speed"):
        body["speed"] = config["speed"]

    def ask(text: str) -> Request:
        headers = {"Authorization": f"Bearer {account.key or ''}"}
        return json_request(url, {**body, "text": text}, rate, headers)

    return ask
