"""Google's Speech-to-Text, over its REST API with a key: one request per utterance.

Its stream needs gRPC and a service account. Vapi's models of this provider are Gemini's: their names
choose nothing here.
https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import TRANSCRIBER
from app.vendors.common.settings_map import read
from app.vendors.common.stt_http import HttpTranscriber, Request, json_request
from app.vendors.common.vendor import Config
from app.vendors.google import GEMINI, LANGUAGE, TRANSCRIBER_FIELDS
from providers.common.json_types import JsonDict

# Vapi's names of languages that are no codes. Google guesses between at most four.
LANGUAGES: Mapping[str, str] = {
    "Multilingual": LANGUAGE,
    "Arabic": "ar-SA",
    "Bengali": "bn-IN",
    "Bulgarian": "bg-BG",
    "Chinese": "zh",
    "Croatian": "hr-HR",
    "Czech": "cs-CZ",
    "Danish": "da-DK",
    "Dutch": "nl-NL",
    "English": LANGUAGE,
    "Estonian": "et-EE",
    "Finnish": "fi-FI",
    "French": "fr-FR",
    "German": "de-DE",
    "Greek": "el-GR",
    "Hebrew": "iw-IL",
    "Hindi": "hi-IN",
    "Hungarian": "hu-HU",
    "Indonesian": "id-ID",
    "Italian": "it-IT",
    "Japanese": "ja-JP",
    "Korean": "ko-KR",
    "Latvian": "lv-LV",
    "Lithuanian": "lt-LT",
    "Norwegian": "no-NO",
    "Polish": "pl-PL",
    "Portuguese": "pt-BR",
    "Romanian": "ro-RO",
    "Russian": "ru-RU",
    "Serbian": "sr-RS",
    "Slovak": "sk-SK",
    "Slovenian": "sl-SI",
    "Spanish": "es-ES",
    "Swahili": "sw",
    "Swedish": "sv-SE",
    "Thai": "th-TH",
    "Turkish": "tr-TR",
    "Ukrainian": "uk-UA",
    "Vietnamese": "vi-VN",
}


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> HttpTranscriber:
    """Build the service. Raises ``UnbuildableAssistant``."""
    given = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, language=LANGUAGE)
    language = LANGUAGES.get(given["language"], given["language"])
    model = given.get("model")
    if model and model.startswith(GEMINI):
        model = None
    settings: JsonDict = {
        "encoding": "LINEAR16",
        "sampleRateHertz": sample_rate,
        "languageCode": language,
        "enableAutomaticPunctuation": True,
        **({"model": model} if model else {}),
    }
    url = f"{account.url}/v1/speech:recognize"
    headers = {"X-Goog-Api-Key": account.key or ""}

    def ask(pcm: bytes) -> Request:
        audio = {"content": base64.b64encode(pcm).decode()}
        return json_request(url, {"config": settings, "audio": audio}, headers)

    rule = account.rule(addresses)
    return HttpTranscriber(
        ask, text_of, sample_rate, model=model, language=language, addresses=rule
    )


def text_of(answer: Any) -> str:
    """The best transcript of each part. An utterance without words has no results."""
    results = answer.get("results", [])
    return "".join(each["alternatives"][0].get("transcript", "") for each in results)
