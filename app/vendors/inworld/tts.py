"""Inworld's voices, over HTTP. https://docs.inworld.ai/api-reference/ttsAPI/texttospeech/synthesize-speech-stream"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import JsonLines, NoSound
from app.vendors.common.speech_request import Ask, Request, json_request
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict, JsonObject

ADDRESS = "https://api.inworld.ai"
MODEL = "inworld-tts-1"
# Vapi's codes -> the vendor's.
LANGUAGES: Mapping[str, str] = {
    "ar": "ar-SA",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "he": "he-IL",
    "hi": "hi-IN",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "zh": "zh-CN",
}


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence."""
    url = f"{(account.url or ADDRESS).rstrip('/')}/tts/v1/voice:stream"
    body = _body(config, sample_rate)

    def ask(text: str) -> Request:
        headers = {"Authorization": f"Basic {account.key or ''}"}
        return json_request(
            url, {**body, "text": text}, sample_rate, headers, lambda: JsonLines(sound)
        )

    return ask


def _body(config: Config, sample_rate: int) -> JsonDict:
    audio: JsonDict = {"audioEncoding": "PCM", "sampleRateHertz": sample_rate}
    if config.get("speakingRate"):
        audio["speakingRate"] = config["speakingRate"]
    body: JsonDict = {
        "voiceId": config["voiceId"],
        "modelId": config.get("model") or MODEL,
        "audioConfig": audio,
    }
    if config.get("temperature"):
        body["temperature"] = config["temperature"]
    if language := config.get("languageCode"):
        body["language"] = LANGUAGES.get(language, language)
    return body


def sound(found: JsonObject) -> bytes:
    """Base64. An error may come within the stream."""
    if found.get("error"):
        raise NoSound(str(found["error"].get("message") or found["error"]))
    return base64.b64decode(found["result"].get("audioContent") or "")
