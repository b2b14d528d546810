"""Every transcriber, its vendor's stand-in, and what that must have been asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.services.stt_service import STTService

from app.vendors.common.account import VendorAccount
from app.vendors.stt import make_transcriber
from tests.fakes.vendors import (
    assembly_ai,
    custom_transcriber,
    deepgram_listen,
    gladia,
    talkscriber,
)
from tests.fakes.vendors.ears import Ears
from tests.speech import SENTENCES, seconds
from tests.vendors.cases import anywhere

SCRIPT = (SENTENCES["book"], SENTENCES["two"])
RATES = (8000, 16000)


@dataclass(frozen=True)
class Case:
    """A vendor's stand-in, and what it must have been asked."""

    stand_in: Callable[..., Ears]
    asked: Callable[[Any, int], None]
    sounds: Callable[[Any, int], float]
    """Seconds of sound it got; of a call's rate."""
    config: dict[str, Any] = field(default_factory=dict)
    finalizes: bool = False
    """Whether it answers the end of a turn with a final text."""


def deepgram_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/v1/listen"
    assert request.headers["Authorization"] == "Token key"
    query = request.query
    assert (query["encoding"], query["sample_rate"], query["channels"]) == (
        "linear16",
        str(rate),
        "1",
    )
    assert (query["model"], query["language"]) == ("nova-2", "en")
    assert (query["interim_results"], query["smart_format"]) == ("true", "false")
    assert query["endpointing"] == "10"


def gladia_asked(vendor: Ears, rate: int) -> None:
    first, second = vendor.asked
    assert (first.method, first.path) == ("POST", "/v2/live")
    assert first.headers["X-Gladia-Key"] == "key"
    assert (second.path, second.query["token"]) == ("/v2/live", "t")
    (body,) = vendor.bodies
    assert (body["encoding"], body["bit_depth"]) == ("wav/pcm", 16)
    assert (body["sample_rate"], body["channels"]) == (rate, 1)
    assert body["model"] == "solaria-1"
    assert body["messages_config"] == {"receive_partial_transcripts": True}


def assembly_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/v3/ws"
    assert request.headers["Authorization"] == "key"
    assert (request.query["encoding"], request.query["sample_rate"]) == ("pcm_s16le", str(rate))
    assert request.query["speech_model"] == "universal-streaming-english"
    assert request.query["format_turns"] == "true"


def talkscriber_asked(vendor: Ears, rate: int) -> None:
    (greeting,) = vendor.said
    assert (greeting["auth"], greeting["language"], greeting["task"]) == ("key", "en", "transcribe")


def custom_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/hear"
    assert request.headers["X-Vapi-Secret"] == "hush"
    assert request.headers["X-Mine"] == "yes"
    assert vendor.said == [
        {
            "type": "start",
            "encoding": "linear16",
            "container": "raw",
            "sampleRate": 16000,
            "channels": 2,
        }
    ]


def at_the_calls_rate(vendor: Ears, rate: int) -> float:
    return seconds(bytes(vendor.sound), rate)


CASES = {
    "deepgram": Case(
        deepgram_listen.DeepgramListen, deepgram_asked, at_the_calls_rate, finalizes=True
    ),
    "gladia": Case(gladia.Gladia, gladia_asked, at_the_calls_rate),
    "assembly-ai": Case(assembly_ai.AssemblyAI, assembly_asked, at_the_calls_rate, finalizes=True),
    # four bytes a sample, always 16 kHz
    "talkscriber": Case(
        talkscriber.Talkscriber, talkscriber_asked, lambda vendor, rate: len(vendor.sound) / 64000
    ),
    # two channels, always 16 kHz
    "custom-transcriber": Case(
        custom_transcriber.CustomTranscriber,
        custom_asked,
        lambda vendor, rate: len(vendor.sound) / 64000,
        {"server": {"secret": "hush", "headers": {"X-Mine": "yes"}}},
    ),
}

each_vendor = pytest.mark.parametrize("name", CASES)


def made(
    name: str, vendor: Ears, rate: int, *, key: str | None = "key", **config: Any
) -> STTService:
    """The vendor's service, sent to its stand-in."""
    whole = {"provider": name, **CASES[name].config, **config}
    if "server" in whole:
        whole["server"] = {"url": f"{vendor.url}/hear".replace("http", "ws"), **whole["server"]}
    service = make_transcriber(whole, {name: VendorAccount(key, vendor.url)}, rate, anywhere)
    assert service is not None
    return service
