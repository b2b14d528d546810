""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from app.vendors.azure import tts as azure_tts
from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Config, Request
from app.vendors.common.tts_part import Custom, _http, _rule

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


def _azure(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> TTSService:
    ask = azure_tts.azure(config, account, sample_rate)
    return _http(config, ask, sample_rate, addresses=_rule(account, custom))


AZURE_FORMATS: Mapping[int, str] = {
    8000: "raw-8khz-16bit-mono-pcm",
    16000: "raw-16khz-16bit-mono-pcm",
    24000: "raw-24khz-16bit-mono-pcm",
    48000: "raw-48khz-16bit-mono-pcm",
}
"""https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech"""


def azure(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """``access.url``, or the public address of ``access.extra["region"]``."""
    base = account.url or f"https://{account.extra['region']}.tts.speech.microsoft.com"
    rate = sample_rate if sample_rate in AZURE_FORMATS else 24_000

    def ask(text: str) -> Request:
        return Request(
            f"{base.rstrip('/')}/cognitiveservices/v1",
            ssml(config, text).encode(),
            rate,
            {
                "Content-Type": "application/ssml+xml",
                "Ocp-Apim-Subscription-Key": account.key or "",
                "X-Microsoft-OutputFormat": AZURE_FORMATS[rate],
                "User-Agent": "patchbay",
            },
        )

    return ask


def ssml(config: Config, text: str) -> str:
    """A sentence in Azure's markup. The language is that of the voice's name."""
    voice = azure_tts.AZURE.get(str(config["voiceId"]).lower(), str(config["voiceId"]))
    language = "-".join(voice.split("-")[:2]) if voice.count("-") > 1 else "en-US"
    spoken = escape(text)
    if speed := config.get("speed"):
        spoken = f'<prosody rate="{float(speed):g}">{spoken}</prosody>'
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{spoken}</voice></speak>"
    )


AZURE: Mapping[str, str] = {
    "andrew": "en-US-AndrewNeural",
    "brian": "en-US-BrianNeural",
    "emma": "en-US-EmmaNeural",
}
"""https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts"""
