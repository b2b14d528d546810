"""Azure's speech recognition, over its REST API for short audio: one request per utterance.

Its stream needs an SDK, a native library that opens its own connections.
https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short
"""

from __future__ import annotations

import io
import wave
from typing import Any
from urllib.parse import urlencode

from app.net.types import Addresses
from app.vendors.azure import TRANSCRIBER_FIELDS
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import TRANSCRIBER
from app.vendors.common.resample import Converter
from app.vendors.common.settings_map import read
from app.vendors.common.stt_http import HttpTranscriber, Request, SpeechRefused
from app.vendors.common.vendor import Config

PATH = "/speech/recognition/conversation/cognitiveservices/v1"
# Hertz; it has no other.
RATE = 16_000
CONTENT_TYPE = f"audio/wav; codecs=audio/pcm; samplerate={RATE}"
# Answers about sound without words.
WORDLESS = frozenset({"NoMatch", "InitialSilenceTimeout", "BabbleTimeout", "EndOfDictation"})


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> HttpTranscriber:
    """Build the service. Raises ``UnbuildableAssistant``."""
    language = read(TRANSCRIBER, config, TRANSCRIBER_FIELDS, language="en-US")["language"]
    # An operator's address may be that of the voices: regions have a host for each.
    base = (account.url or "").replace(".tts.speech.", ".stt.speech.")
    url = f"{base}{PATH}?{urlencode({'language': language, 'format': 'simple'})}"
    headers = {
        "Accept": "application/json",
        "Content-Type": CONTENT_TYPE,
        "Ocp-Apim-Subscription-Key": account.key or "",
    }

    def ask(pcm: bytes) -> Request:
        return Request(url, _wav(pcm, sample_rate), headers)

    rule = account.rule(addresses)
    return HttpTranscriber(ask, text_of, sample_rate, language=language, addresses=rule)


def text_of(answer: Any) -> str:
    """The text, with punctuation. Raises ``SpeechRefused`` if there was an error within."""
    status = answer["RecognitionStatus"]
    if status == "Success":
        text: str = answer["DisplayText"]
        return text
    if status in WORDLESS:
        return ""
    raise SpeechRefused(f"Azure: {str(status)[:100]}", 500)


def _wav(pcm: bytes, rate: int) -> bytes:
    converter, file = Converter(rate, RATE), io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes(converter.feed(pcm) + converter.rest())
    return file.getvalue()
