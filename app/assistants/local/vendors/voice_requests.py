"""Voices that are one HTTP request per sentence: what is asked. Pure, no I/O.

Azure is asked over its REST API and not through its SDK: that is a native library with threads
of its own, and reports a failure late and as a text only. What the SDK has beyond it is word
times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from app.assistants.local.vendors import voice_names
from app.domain.vendors import Access

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_RATE = 24_000
"""Hertz; its ``pcm`` has no other. https://platform.openai.com/docs/api-reference/audio/createSpeech"""
OPENAI_MODEL = "tts-1"

AZURE_FORMATS: Mapping[int, str] = {
    8000: "raw-8khz-16bit-mono-pcm",
    16000: "raw-16khz-16bit-mono-pcm",
    24000: "raw-24khz-16bit-mono-pcm",
    48000: "raw-48khz-16bit-mono-pcm",
}
"""https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech"""

Config = Mapping[str, Any]
"""An assistant's ``voice``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, answered with raw 16-bit mono PCM of ``sample_rate`` Hz."""

    url: str
    body: bytes
    sample_rate: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Ask = Callable[[str], Request]
"""A sentence in, its request out."""


def openai(config: Config, access: Access, sample_rate: int) -> Ask:
    """Also for whatever speaks OpenAI's ``/audio/speech`` at another address."""
    optional = {name: config[name] for name in ("speed", "instructions") if config.get(name)}

    def ask(text: str) -> Request:
        body = {
            "model": config.get("model") or OPENAI_MODEL,
            "voice": config["voiceId"],
            "input": text,
            "response_format": "pcm",
            **optional,
        }
        return Request(
            f"{(access.url or OPENAI_URL).rstrip('/')}/audio/speech",
            json.dumps(body).encode(),
            OPENAI_RATE,
            {"Content-Type": "application/json", **_bearer(access.key)},
        )

    return ask


def azure(config: Config, access: Access, sample_rate: int) -> Ask:
    """``access.url``, or the public address of ``access.extra["region"]``."""
    base = access.url or f"https://{access.extra['region']}.tts.speech.microsoft.com"
    rate = sample_rate if sample_rate in AZURE_FORMATS else 24_000

    def ask(text: str) -> Request:
        return Request(
            f"{base.rstrip('/')}/cognitiveservices/v1",
            ssml(config, text).encode(),
            rate,
            {
                "Content-Type": "application/ssml+xml",
                "Ocp-Apim-Subscription-Key": access.key or "",
                "X-Microsoft-OutputFormat": AZURE_FORMATS[rate],
                "User-Agent": "patchbay",
            },
        )

    return ask


def ssml(config: Config, text: str) -> str:
    """A sentence in Azure's markup. The language is that of the voice's name."""
    voice = voice_names.AZURE.get(str(config["voiceId"]).lower(), str(config["voiceId"]))
    language = "-".join(voice.split("-")[:2]) if voice.count("-") > 1 else "en-US"
    spoken = escape(text)
    if speed := config.get("speed"):
        spoken = f'<prosody rate="{float(speed):g}">{spoken}</prosody>'
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{spoken}</voice></speak>"
    )


def custom(config: Config, about: Mapping[str, Any], sample_rate: int) -> Ask:
    """Vapi's ``voice-request``, to the server of the voice.

    ``about``: the rest of the message, what other server messages tell of their call.
    https://docs.vapi.ai/customization/custom-voices/custom-tts
    """
    server = config["server"]
    headers = {"Content-Type": "application/json", **(server.get("headers") or {})}
    if server.get("secret"):
        headers["X-Vapi-Secret"] = server["secret"]

    def ask(text: str) -> Request:
        told = {"type": "voice-request", "text": text, "sampleRate": sample_rate}
        body = json.dumps({"message": {**about, **told}}).encode()
        return Request(server["url"], body, sample_rate, headers)

    return ask


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
