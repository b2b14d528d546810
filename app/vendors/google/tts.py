"""Google's voices, over its REST API with a key.

pipecat's class needs gRPC and a service account. REST lacks a stream: a sentence comes as a whole.
https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize
"""

from __future__ import annotations

import base64

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import WholeJson
from app.vendors.common.speech_request import Ask, Request, json_request
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.google import LANGUAGE
from providers.common.json_types import JsonDict, JsonObject

ADDRESS = "https://texttospeech.googleapis.com"
# The family of a voice that is named without one: ``Kore`` is ``en-US-Chirp3-HD-Kore``.
FAMILY = "Chirp3-HD"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence."""
    url = f"{(account.url or ADDRESS).rstrip('/')}/v1/text:synthesize"
    audio: JsonDict = {"audioEncoding": "LINEAR16", "sampleRateHertz": sample_rate}
    if config.get("speed"):
        audio["speakingRate"] = config["speed"]
    voice = voice_of(config["voiceId"], config.get("language"))

    def ask(text: str) -> Request:
        body = {"input": {"text": text}, "voice": voice, "audioConfig": audio}
        headers = {"X-Goog-Api-Key": account.key or ""}
        return json_request(url, body, sample_rate, headers, lambda: WholeJson(sound))

    return ask


def voice_of(name: str, language: str | None) -> JsonDict:
    """A full name begins with its language, which the request must repeat."""
    if "-" not in name:
        name = f"{language or LANGUAGE}-{FAMILY}-{name}"
    return {"languageCode": language or "-".join(name.split("-")[:2]), "name": name}


def sound(found: JsonObject) -> bytes:
    """Base64 of a WAV file."""
    return base64.b64decode(found["audioContent"])
