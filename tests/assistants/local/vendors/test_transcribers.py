"""Every transcriber against its vendor's stand-in: what it asks, what it hears, how it is told to finish."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pipecat.frames.frames import InterruptionFrame, MetricsFrame, TranscriptionFrame
from pipecat.metrics.metrics import STTUsageMetricsData
from pipecat.services.stt_service import STTService

from app.assistants.local.vendors import deepgram_transcriber
from app.assistants.local.vendors.access import Access, NoEngine
from app.assistants.local.vendors.custom_transcriber import CustomTranscriber, parse, stereo
from app.assistants.local.vendors.transcribers import (
    VENDORS,
    failure_message,
    make_transcriber,
    transcriber_failure,
)
from providers.events import EndedReason
from tests.assistants.local.vendors.hearing import hearing
from tests.media.harness import on_loop
from tests.speech import SENTENCES, seconds, speech
from tests.vendors import assembly_ai, custom_transcriber, deepgram_listen, gladia, talkscriber
from tests.vendors.ears import Ears

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
each_rate = pytest.mark.parametrize("rate", RATES)


def made(
    name: str, vendor: Ears, rate: int, *, key: str | None = "key", **config: Any
) -> STTService:
    """The vendor's service, sent to its stand-in."""
    whole = {"provider": name, **CASES[name].config, **config}
    if "server" in whole:
        whole["server"] = {"url": f"{vendor.url}/hear".replace("http", "ws"), **whole["server"]}
    service = make_transcriber(whole, {name: Access(key, vendor.url)}, rate)
    assert service is not None
    return service


def test_every_vendor_has_a_case() -> None:
    assert set(CASES) == set(VENDORS)


@each_vendor
@each_rate
@on_loop
async def test_two_sentences_are_heard(name: str, rate: int) -> None:
    case = CASES[name]
    async with case.stand_in(*SCRIPT) as vendor:
        async with hearing(made(name, vendor, rate), rate) as room:
            for count, sentence in enumerate(("book", "two"), start=1):
                await room.say(sentence)
                await room.until(lambda count=count: len(room.finals) == count)
        case.asked(vendor, rate)
        spoken = sum(seconds(speech(each, rate), rate) + 0.3 for each in ("book", "two"))
        assert case.sounds(vendor, rate) == pytest.approx(spoken, abs=0.1)
    assert room.finals == list(SCRIPT)
    assert room.interims
    assert room.interims[0] in SCRIPT[0]
    assert room.errors == []
    metered = [
        metric.value.audio_seconds
        for frame in room.all(MetricsFrame)
        for metric in frame.data
        if isinstance(metric, STTUsageMetricsData)
    ]
    assert sum(metered) == pytest.approx(spoken, abs=0.05)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].finalizes])
@on_loop
async def test_the_end_of_a_turn_brings_a_finalized_text(name: str) -> None:
    async with (
        CASES[name].stand_in(*SCRIPT) as vendor,
        hearing(made(name, vendor, 8000), 8000) as room,
    ):
        await room.say("book", pause=0.06)  # too short for the vendor to end it itself
        await room.until(lambda: bool(room.interims))
        assert room.finals == []
        await room.stop_speaking()
        await room.until(lambda: bool(room.finals))
    (frame,) = room.all(TranscriptionFrame)
    assert (frame.text, frame.finalized) == (SCRIPT[0], True)


# ------------------------------------------------------------------ what is asked of whom


@pytest.mark.parametrize(
    ("config", "query"),
    [
        # Vapi's own example
        (
            {"model": "nova-2-phonecall", "language": "de"},
            {"model": ["nova-2-phonecall"], "language": ["de"]},
        ),
        # a language that is none
        ({"language": "multi"}, {"language": ["multi"]}),
        ({"smartFormat": True}, {"smart_format": ["true"]}),
        # JSON's number may be whole and look otherwise
        ({"endpointing": 300.0}, {"endpointing": ["300"]}),
        # several values are several parameters, with their weight
        ({"keywords": ["Patchbay:2", "Vapi"]}, {"keywords": ["Patchbay:2", "Vapi"]}),
        # the newer model refuses keywords
        (
            {"model": "nova-3", "keywords": ["Patchbay:2"], "keyterm": ["end of call"]},
            {"keyterm": ["end of call", "Patchbay"], "keywords": []},
        ),
        (
            {"numerals": True, "profanityFilter": True},
            {"numerals": ["true"], "profanity_filter": ["true"]},
        ),
        ({"redaction": ["pci"], "mipOptOut": True}, {"redact": ["pci"], "mip_opt_out": ["true"]}),
    ],
)
@on_loop
async def test_deepgram_is_asked_as_configured(
    config: dict[str, Any], query: dict[str, list[str]]
) -> None:
    async with (
        CASES["deepgram"].stand_in(*SCRIPT) as vendor,
        hearing(made("deepgram", vendor, 8000, **config), 8000),
    ):
        pass
    (request,) = vendor.asked
    assert {name: request.query.getall(name, []) for name in query} == query


@pytest.mark.parametrize(
    ("config", "body"),
    [
        # neither: Gladia finds the language out
        ({}, {"language_config": None}),
        (
            {"languageBehaviour": "manual", "language": "fr"},
            {"language_config": {"languages": ["fr"], "code_switching": False}},
        ),
        (
            {"languageBehaviour": "automatic multiple languages", "languages": ["fr", "de"]},
            {"language_config": {"languages": ["fr", "de"], "code_switching": True}},
        ),
        # the first version's models
        ({"model": "accurate"}, {"model": "solaria-1"}),
        ({"endpointing": 0.3}, {"endpointing": 0.3}),
        (
            {"audioEnhancer": True, "speechThreshold": 0.7},
            {"pre_processing": {"audio_enhancer": True, "speech_threshold": 0.7}},
        ),
        (
            {"receivePartialTranscripts": False},
            {"messages_config": {"receive_partial_transcripts": False}},
        ),
        (
            {"transcriptionHint": "Patchbay, Vapi"},
            {
                "realtime_processing": {
                    "custom_vocabulary": True,
                    "custom_vocabulary_config": {"vocabulary": ["Patchbay", "Vapi"]},
                }
            },
        ),
        (
            {
                "customVocabularyEnabled": True,
                "customVocabularyConfig": {
                    "vocabulary": ["Patchbay", {"value": "Vapi", "intensity": 0.4}],
                    "defaultIntensity": 0.5,
                },
            },
            {
                "realtime_processing": {
                    "custom_vocabulary": True,
                    "custom_vocabulary_config": {
                        "vocabulary": ["Patchbay", {"value": "Vapi", "intensity": 0.4}],
                        "default_intensity": 0.5,
                    },
                }
            },
        ),
        # not enabled: not sent
        (
            {"customVocabularyConfig": {"vocabulary": ["Patchbay"]}},
            {"realtime_processing": None},
        ),
    ],
)
@on_loop
async def test_gladia_is_asked_as_configured(config: dict[str, Any], body: dict[str, Any]) -> None:
    async with (
        CASES["gladia"].stand_in(*SCRIPT) as vendor,
        hearing(made("gladia", vendor, 8000, region="us-west", **config), 8000),
    ):
        pass
    assert vendor.asked[0].query["region"] == "us-west"
    assert {name: vendor.bodies[0].get(name) for name in body} == body


@pytest.mark.parametrize(
    ("config", "query"),
    [
        (
            {"language": "multi"},
            {"speech_model": "universal-streaming-multilingual", "language_detection": "true"},
        ),
        # both names of the same thing; the newer wins
        ({"wordBoost": ["old"], "keytermsPrompt": ["Vapi"]}, {"keyterms_prompt": '["Vapi"]'}),
        ({"wordBoost": ["old"]}, {"keyterms_prompt": '["old"]'}),
        ({"formatTurns": False}, {"format_turns": "false"}),
        # only the newest model may be steered
        (
            {
                "speechModel": "universal-3-5-pro",
                "languageCodes": ["en", "es"],
                "mode": "min_latency",
            },
            {"language_codes": '["en", "es"]', "mode": "min_latency"},
        ),
        ({"prompt": "ignored", "mode": "balanced"}, {"prompt": None, "mode": None}),
    ],
)
@on_loop
async def test_assembly_ai_is_asked_as_configured(
    config: dict[str, Any], query: dict[str, str | None]
) -> None:
    async with (
        CASES["assembly-ai"].stand_in(*SCRIPT) as vendor,
        hearing(made("assembly-ai", vendor, 8000, **config), 8000),
    ):
        pass
    (request,) = vendor.asked
    assert {name: request.query.get(name) for name in query} == query


@on_loop
async def test_a_server_of_ones_own_needs_no_key() -> None:
    async with (
        CASES["deepgram"].stand_in(*SCRIPT) as vendor,
        hearing(made("deepgram", vendor, 8000, key=None), 8000),
    ):
        pass
    assert vendor.asked[0].headers["Authorization"] == "Token none"


@on_loop
async def test_assembly_ai_without_formatting_is_heard_once_per_turn() -> None:
    async with (
        CASES["assembly-ai"].stand_in(*SCRIPT) as vendor,
        hearing(made("assembly-ai", vendor, 8000, formatTurns=False), 8000) as room,
    ):
        await room.say("book")
        await room.until(lambda: bool(room.finals))
    assert room.finals == [SCRIPT[0]]


# ------------------------------------------------------------------ a transcriber of one's own


@on_loop
async def test_own_transcriber_gets_the_assistant_on_the_right() -> None:
    async with custom_transcriber.CustomTranscriber(*SCRIPT) as vendor:
        service = made("custom-transcriber", vendor, 8000)
        assert isinstance(service, CustomTranscriber)
        async with hearing(service, 8000) as room:
            service.assistant_said(speech("open"))
            await room.say("book")
            await room.until(lambda: bool(room.finals))
        left, right = vendor.channel(0), vendor.channel(1)
    assert level(left, 0, 1) > 1000
    assert level(right, 0, 1) > 1000
    assert level(right, seconds(speech("open")) + 0.1, 9) < 50  # it had said all
    assert room.finals == [SCRIPT[0]]  # and what it said is not taken for the caller's


@on_loop
async def test_own_transcriber_does_not_hear_what_an_interruption_cut() -> None:
    async with custom_transcriber.CustomTranscriber(*SCRIPT) as vendor:
        service = made("custom-transcriber", vendor, 8000)
        assert isinstance(service, CustomTranscriber)
        async with hearing(service, 8000) as room:
            service.assistant_said(speech("open"))
            await room.worker.queue_frame(InterruptionFrame())
            await room.until(lambda: bool(room.all(InterruptionFrame)))
            await room.say("book")
            await room.until(lambda: bool(room.finals))
        assert level(vendor.channel(1), 0, 9) < 2  # the resampler's dither


@on_loop
async def test_own_transcriber_that_knows_no_partial_texts() -> None:
    async with (
        custom_transcriber.CustomTranscriber(*SCRIPT, typed=False) as vendor,
        hearing(made("custom-transcriber", vendor, 8000), 8000) as room,
    ):
        await room.say("book")
        await room.until(lambda: bool(room.finals))
    assert (room.finals, room.interims) == ([SCRIPT[0]], [])


def test_sound_of_an_assistant_is_not_held_for_ever() -> None:
    service = CustomTranscriber("ws://127.0.0.1:1", {}, 8000)
    service.assistant_said(bytes(16000 * 60))
    assert len(service._said) == 16000 * 10


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (
            '{"type": "transcriber-response", "transcription": "Hi", "channel": "customer"}',
            ("Hi", True),
        ),
        # some servers leave the channel out
        ('{"type": "transcriber-response", "transcription": "Hi"}', ("Hi", True)),
        (
            '{"type": "transcriber-response", "transcription": "H", "channel": "customer", "transcriptType": "partial"}',
            ("H", False),
        ),
        ('{"type": "transcriber-response", "transcription": "Hi", "channel": "assistant"}', None),
        ('{"type": "hello"}', None),
        ("[]", None),
        ("not JSON", None),
        (b"\xff", None),
    ],
)
def test_answers_of_an_own_transcriber(
    message: str | bytes, heard: tuple[str, bool] | None
) -> None:
    assert parse(message) == heard


def test_stereo_is_interleaved() -> None:
    assert stereo(b"\1\0\2\0", b"\3\0\4\0") == b"\1\0\3\0\2\0\4\0"


def level(pcm: bytes, start: float, end: float) -> float:
    """Mean level of a part, in seconds, at 16 kHz."""
    samples = np.frombuffer(pcm, dtype="<i2")[int(start * 16000) : int(end * 16000)]
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


# ------------------------------------------------------------------ none, and none that can be


def test_no_transcriber_is_none() -> None:
    assert make_transcriber(None, {}, 8000) is None
    assert make_transcriber({}, {}, 8000) is None


@pytest.mark.parametrize(
    ("config", "access", "text"),
    [
        # names that Vapi has not, and no name
        ({"provider": "shell"}, Access("key"), "There is no transcriber 'shell'"),
        ({"model": "nova-2"}, Access("key"), "There is no transcriber None"),
        ({"provider": "deepgram"}, Access(), "There is no key for deepgram: store a credential"),
        # an address that would be taken for another
        (
            {"provider": "deepgram"},
            Access("key", "deepgram.local"),
            "must be like https://api.deepgram.com",
        ),
        ({"provider": "gladia"}, Access("key", "https://x/v2/live"), "without a path"),
        ({"provider": "deepgram", "model": "flux-general-en"}, Access("key"), "use nova-3"),
        (
            {"provider": "deepgram", "endpointing": "10"},
            Access("key"),
            "transcriber.endpointing is not a int",
        ),
        (
            {"provider": "deepgram", "smartFormat": 1},
            Access("key"),
            "transcriber.smartFormat is not a bool",
        ),
        (
            {"provider": "deepgram", "keywords": "a"},
            Access("key"),
            "transcriber.keywords is not a list of texts",
        ),
        ({"provider": "deepgram", "endpointing": True}, Access("key"), "endpointing is not a int"),
        ({"provider": "gladia", "region": "moon"}, Access("key"), "transcriber.region is one of"),
        (
            {
                "provider": "gladia",
                "customVocabularyEnabled": True,
                "customVocabularyConfig": {"vocabulary": [1]},
            },
            Access("key"),
            "customVocabularyConfig is not valid",
        ),
        (
            {
                "provider": "assembly-ai",
                "speechModel": "universal-3-5-pro",
                "languageCodes": ["x!"],
            },
            Access("key"),
            "languageCodes",
        ),
        ({"provider": "custom-transcriber"}, Access(), "set transcriber.server.url"),
        ({"provider": "custom-transcriber", "server": {}}, Access(), "set transcriber.server.url"),
        (
            {"provider": "custom-transcriber", "server": {"url": "file:///etc/passwd"}},
            Access(),
            "set transcriber.server.url",
        ),
        (
            {
                "provider": "custom-transcriber",
                "server": {"url": "wss://x.example", "headers": {"A": "b\r\nC: d"}},
            },
            Access(),
            "transcriber.server.headers has a bad 'A'",
        ),
        (
            {
                "provider": "custom-transcriber",
                "server": {"url": "wss://x.example", "headers": [1]},
            },
            Access(),
            "transcriber.server.headers is not an object",
        ),
    ],
)
def test_what_cannot_be_made_says_what_to_change(
    config: dict[str, Any], access: Access, text: str
) -> None:
    keys = {str(config.get("provider")): access}
    with pytest.raises(NoEngine, match=text.replace("(", r"\(")) as caught:
        make_transcriber(config, keys, 8000)
    assert caught.value.stage == "transcriber"
    assert caught.value.provider == str(config.get("provider"))


def test_deepgrams_own_cloud_never_stands_in_for_an_address_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import deepgram

    def refuse(**_: object) -> None:
        raise TypeError("an argument more")

    # the service looks at the signature, fails, and takes Deepgram's cloud with a line in its log
    monkeypatch.setattr(deepgram, "DeepgramClientEnvironment", refuse)
    with pytest.raises(NoEngine, match=r"does not take the address ws://127\.0\.0\.1:1"):
        deepgram_transcriber.make({"provider": "deepgram"}, Access("k", "http://127.0.0.1:1"), 8000)


def test_default_addresses_are_the_vendors_own() -> None:
    services = {
        name: make_transcriber({"provider": name}, {name: Access("key")}, 8000)
        for name in VENDORS
        if VENDORS[name].address
    }
    found = json.dumps({name: sorted(addresses(service)) for name, service in services.items()})
    assert json.loads(found) == {
        "deepgram": ["wss://api.deepgram.com"],
        "gladia": ["https://api.gladia.io/v2/live"],
        "assembly-ai": ["wss://streaming.assemblyai.com/v3/ws"],
        "talkscriber": ["wss://api.talkscriber.com:9090"],
    }


def addresses(service: Any) -> set[str]:
    if hasattr(service, "_client"):
        return {service._client._client_wrapper.get_environment().production}
    return {getattr(service, "_url", None) or service._api_endpoint_base_url}


def test_how_a_failed_transcriber_ends_the_call() -> None:
    reasons = {name: transcriber_failure(name) for name in [*VENDORS, "embedded"]}
    assert reasons.pop("deepgram") is EndedReason.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED
    assert set(reasons.values()) == {EndedReason.ASSISTANT_ERROR}
    assert failure_message("gladia", "402") == "The transcriber gladia failed: 402"
