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
    cartesia_ink,
    custom_transcriber,
    deepgram_flux,
    deepgram_listen,
    gladia,
    openai_realtime,
    scribe,
    soniox,
    speechmatics,
    talkscriber,
    xai_stt,
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
    waits: bool = False
    """Whether no text is final before that."""
    provider: str = ""
    """Vapi's name, where the case has another."""


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


def flux_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/v2/listen"
    assert request.headers["Authorization"] == "Token key"
    query = request.query
    assert (query["model"], query["encoding"], query["sample_rate"]) == (
        "flux-general-en",
        "linear16",
        str(rate),
    )


def soniox_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/transcribe-websocket"
    opening = vendor.said[0]
    assert (opening["api_key"], opening["model"]) == ("key", "stt-rt-v4")
    assert (opening["audio_format"], opening["sample_rate"]) == ("pcm_s16le", rate)
    assert opening["enable_endpoint_detection"] is True


def cartesia_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert (request.path, request.headers["X-API-Key"]) == ("/stt/websocket", "key")
    assert (request.query["model"], request.query["language"]) == ("ink-whisper", "en")
    assert (request.query["encoding"], request.query["sample_rate"]) == ("pcm_s16le", str(rate))


def scribe_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert request.path == "/v1/speech-to-text/realtime"
    assert request.headers["xi-api-key"] == "key"
    assert (request.query["model_id"], request.query["audio_format"]) == (
        "scribe_v2_realtime",
        f"pcm_{rate}",
    )


def openai_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert (request.path, request.query["intent"]) == ("/realtime", "transcription")
    assert request.headers["Authorization"] == "Bearer key"
    sound = vendor.said[0]["session"]["audio"]["input"]
    assert sound["format"] == {"type": "audio/pcm", "rate": 24000}
    assert sound["transcription"] == {"model": "gpt-4o-transcribe"}
    assert sound["turn_detection"] is None


def speechmatics_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert (request.path, request.headers["Authorization"]) == ("/v2", "Bearer key")
    opening = vendor.said[0]
    assert opening["audio_format"] == {
        "type": "raw",
        "encoding": "pcm_s16le",
        "sample_rate": rate,
    }
    assert opening["transcription_config"] == {
        "enable_partials": True,
        "language": "en",
        "operating_point": "enhanced",
        "max_delay": 0.7,
    }


def xai_asked(vendor: Ears, rate: int) -> None:
    (request,) = vendor.asked
    assert (request.path, request.headers["Authorization"]) == ("/stt", "Bearer key")
    assert (request.query["sample_rate"], request.query["language"]) == (str(rate), "en")


def at_the_calls_rate(vendor: Ears, rate: int) -> float:
    return seconds(bytes(vendor.sound), rate)


CASES = {
    "deepgram-flux": Case(
        deepgram_flux.DeepgramFlux,
        flux_asked,
        at_the_calls_rate,
        {"model": "flux-general-en"},
        provider="deepgram",
    ),
    "soniox": Case(soniox.Soniox, soniox_asked, at_the_calls_rate, finalizes=True),
    "cartesia": Case(cartesia_ink.CartesiaInk, cartesia_asked, at_the_calls_rate),
    "11labs": Case(scribe.Scribe, scribe_asked, at_the_calls_rate, finalizes=True, waits=True),
    # always 24 kHz
    "openai": Case(
        openai_realtime.OpenAIRealtime,
        openai_asked,
        lambda vendor, rate: seconds(bytes(vendor.sound), 24000),
        finalizes=True,
        waits=True,
    ),
    "speechmatics": Case(speechmatics.Speechmatics, speechmatics_asked, at_the_calls_rate),
    "xai": Case(xai_stt.XaiStt, xai_asked, at_the_calls_rate),
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
    provider = CASES[name].provider or name
    whole = {"provider": provider, **CASES[name].config, **config}
    if "server" in whole:
        whole["server"] = {"url": f"{vendor.url}/hear".replace("http", "ws"), **whole["server"]}
    service = make_transcriber(whole, {provider: VendorAccount(key, vendor.url)}, rate, anywhere)
    assert service is not None
    return service
