"""Hume's voices, over HTTP. https://dev.hume.ai/reference/text-to-speech-tts/synthesize-json-streaming

pipecat's class needs the vendor's SDK, which opens connections of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from uuid import UUID

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import JsonLines, NoSound
from app.vendors.common.speech_request import Ask, Request, json_request
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict, JsonObject

ADDRESS = "https://api.hume.ai"
# Hertz; its ``pcm`` has no other.
RATE = 48_000
# Vapi's ``model`` -> ``version``.
VERSIONS: Mapping[str, str] = {"octave": "1", "octave2": "2"}
# The version that takes no ``description``.
PLAIN = "2"
LIBRARY, OWN = "HUME_AI", "CUSTOM_VOICE"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    return http_voice(ask_for(config, account), config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount) -> Ask:
    """The request for each sentence."""
    url = f"{(account.url or ADDRESS).rstrip('/')}/v0/tts/stream/json"
    utterance: JsonDict = {"voice": _voice(config)}
    body: JsonDict = {"format": {"type": "pcm"}, "instant_mode": True, "strip_headers": True}
    if version := VERSIONS.get(config.get("model") or ""):
        body["version"] = version
    if config.get("description") and body.get("version") != PLAIN:
        utterance["description"] = config["description"]

    def ask(text: str) -> Request:
        asked = {**body, "utterances": [{**utterance, "text": text}]}
        headers = {"X-Hume-Api-Key": account.key or ""}
        return json_request(url, asked, RATE, headers, lambda: JsonLines(sound))

    return ask


def _voice(config: Config) -> JsonDict:
    name, provider = config["voiceId"], OWN if config.get("isCustomHumeVoice") else LIBRARY
    return {"id" if _is_id(name) else "name": name, "provider": provider}


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def sound(found: JsonObject) -> bytes:
    """Base64. Other lines have times, or an error."""
    if found.get("type") == "error" or found.get("error"):
        raise NoSound(str(found.get("message") or found.get("error")))
    return base64.b64decode(found.get("audio") or "")
