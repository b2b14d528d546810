"""Neuphonic's voices, over server-sent events. https://docs.neuphonic.com/api-reference/sse"""

from __future__ import annotations

import base64
from urllib.parse import quote

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import JsonLines, NoSound
from app.vendors.common.speech_request import Ask, Request, json_request, rate_of
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict, JsonObject

ADDRESS = "https://api.neuphonic.com"
LANGUAGE = "en"
RATES = (8000, 16_000, 22_050)


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence. The language is a part of its path."""
    language, rate = config.get("language") or LANGUAGE, rate_of(RATES, sample_rate)
    url = f"{(account.url or ADDRESS).rstrip('/')}/sse/speak/{quote(language, safe='')}"
    body: JsonDict = {
        "voice_id": config["voiceId"],
        "lang_code": language,
        "encoding": "pcm_linear",
        "sampling_rate": rate,
    }
    body |= {name: config[name] for name in ("model", "speed") if config.get(name)}

    def ask(text: str) -> Request:
        headers = {"X-API-KEY": account.key or ""}
        return json_request(url, {**body, "text": text}, rate, headers, lambda: JsonLines(sound))

    return ask


def sound(found: JsonObject) -> bytes:
    """Base64. An error comes within the stream."""
    if found.get("errors"):
        raise NoSound(f"{found.get('status_code')}: {found['errors']}")
    return base64.b64decode(found["data"].get("audio") or "")
