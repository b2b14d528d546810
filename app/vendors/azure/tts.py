"""Azure's Speech, over its REST API.

The SDK is a native library with its own threads, and reports a failure late and as a text only.
REST lacks only word times.
https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.xml_text import NOT_XML

# By rate in hertz.
FORMATS: Mapping[int, str] = {
    8000: "raw-8khz-16bit-mono-pcm",
    16000: "raw-16khz-16bit-mono-pcm",
    24000: "raw-24khz-16bit-mono-pcm",
    48000: "raw-48khz-16bit-mono-pcm",
}
# Vapi's short names.
# https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts
VOICES: Mapping[str, str] = {
    "andrew": "en-US-AndrewNeural",
    "brian": "en-US-BrianNeural",
    "emma": "en-US-EmmaNeural",
}


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence: at ``account.url``, or in the account's region."""
    base = account.url or f"https://{account.extra['region']}.tts.speech.microsoft.com"
    rate = sample_rate if sample_rate in FORMATS else 24_000
    headers = {
        "Content-Type": "application/ssml+xml",
        "Ocp-Apim-Subscription-Key": account.key or "",
        "X-Microsoft-OutputFormat": FORMATS[rate],
        "User-Agent": "patchbay",
    }

    def ask(text: str) -> Request:
        url = f"{base.rstrip('/')}/cognitiveservices/v1"
        return Request(url, ssml(config, text).encode(), rate, headers)

    return ask


def ssml(config: Config, text: str) -> str:
    """A sentence in Azure's markup. The language is that of the voice's name.

    What XML cannot hold is left out: Azure refuses the whole sentence for it.
    """
    voice = VOICES.get(str(config["voiceId"]).lower(), str(config["voiceId"]))
    language = "-".join(voice.split("-")[:2]) if voice.count("-") > 1 else "en-US"
    spoken = escape(text)
    if speed := config.get("speed"):
        spoken = f'<prosody rate="{float(speed):g}">{spoken}</prosody>'
    if how := _express_as(config):
        spoken = f"<mstts:express-as{how}>{spoken}</mstts:express-as>"
    markup = (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        'xmlns:mstts="https://www.w3.org/2001/mstts" '
        f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{spoken}</voice></speak>"
    )
    return NOT_XML.sub("", markup)


def _express_as(config: Config) -> str:
    """The attributes of a style or a role; empty without one."""
    given = {name: config[name] for name in ("style", "styleDegree", "role") if config.get(name)}
    if not given.keys() & {"style", "role"}:
        return ""
    return "".join(f" {name.lower()}={quoteattr(str(value))}" for name, value in given.items())
