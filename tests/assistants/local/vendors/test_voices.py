"""Every voice speaks, in the engine's pipeline, with a stand-in that speaks its vendor's protocol."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.frames.frames import TTSStartedFrame, TTSStoppedFrame
from pipecat.services.tts_service import TTSService

from app.assistants.local.vendors import http_voice
from app.assistants.local.vendors.access import Access
from app.assistants.local.vendors.http_voice import HttpVoice
from app.assistants.local.vendors.voice_failures import voice_failure
from app.assistants.local.vendors.voices import GONE, MAKERS, Custom, has_word_times, make_voice
from tests.assistants.local.vendors.speaking import Spoken, speak
from tests.media.harness import on_loop
from tests.vendors.azure_speech import AzureSpeech
from tests.vendors.cartesia import Cartesia
from tests.vendors.custom_voice import CustomVoice
from tests.vendors.deepgram_speak import DeepgramSpeak
from tests.vendors.eleven_labs import ElevenLabs
from tests.vendors.openai_speech import OpenAISpeech
from tests.vendors.rime import Rime
from tests.vendors.standin import SECONDS, StandIn

HELLO, BYE = "Hello, my dear.", "And good bye."
QUIET = 0.15
"""Seconds without sound until a sentence counts as over, where silence is what is tested."""


def anywhere(url: str) -> list[str]:
    """The rule for custom voices, where it is not what is tested."""
    return ["127.0.0.1"]


@dataclass(frozen=True)
class Voice:
    """One vendor under test."""

    provider: str
    standin: Callable[..., StandIn]
    path: str = ""
    """Part of its address that the setting holds."""
    config: dict[str, Any] = field(default_factory=dict)

    def made(self, standin: StandIn, rate: int, **more: Any) -> TTSService:
        config = {"provider": self.provider, "voiceId": "luna", **self.config, **more}
        if self.provider == "custom-voice":
            config["server"] = {"url": f"{standin.url}/say", **config.get("server", {})}
        access = Access("the-key", standin.url + self.path)
        return make_voice(config, {self.provider: access}, rate, custom=Custom(anywhere))


VOICES = [
    Voice("openai", OpenAISpeech, "/v1"),
    *(Voice(provider, OpenAISpeech, "/v1") for provider in sorted(GONE)),
    Voice("azure", AzureSpeech),
    Voice("custom-voice", CustomVoice),
    Voice("deepgram", DeepgramSpeak),
    Voice("11labs", ElevenLabs),
    Voice("cartesia", Cartesia),
    Voice("rime-ai", Rime),
]
BY_PROVIDER = {voice.provider: voice for voice in VOICES}
SOCKETS = ("deepgram", "11labs", "cartesia", "rime-ai")
each = pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.provider)
each_way = pytest.mark.parametrize(
    "voice", [v for v in VOICES if v.provider not in GONE], ids=lambda voice: voice.provider
)
"""Without those that are asked as OpenAI is."""
each_socket = pytest.mark.parametrize("provider", SOCKETS)
each_http = pytest.mark.parametrize("provider", ["openai", "azure", "custom-voice"])


def reasons(voice: Voice, spoken: Spoken) -> set[str]:
    return {voice_failure(voice.provider, *error) for error in spoken.errors}


def test_every_voice_is_here() -> None:
    assert set(BY_PROVIDER) == set(MAKERS) - {"embedded"}  # which has no vendor


@each
@pytest.mark.parametrize("rate", [8000, 16000])
@on_loop
async def test_speaks_at_the_lines_rate(voice: Voice, rate: int) -> None:
    async with voice.standin() as standin:
        spoken = await speak(voice.made(standin, rate), [HELLO, BYE], rate)
    assert spoken.errors == []
    assert spoken.rates == {rate}
    assert len(spoken.pcm) == 2 * int(rate * SECONDS) * 2


@each
@on_loop
async def test_words_are_timed_or_come_as_a_sentence(voice: Voice) -> None:
    async with voice.standin() as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000)
    texts = [frame.text.strip() for frame in spoken.texts]
    times = [frame.pts for frame in spoken.texts]
    if has_word_times(voice.provider):
        assert texts == HELLO.split()
        assert all(times)
    else:
        assert texts == [HELLO]
        assert times == [None]


@each_way
@on_loop
async def test_a_models_reply_is_one_turn(voice: Voice) -> None:
    """As it comes from a model: in pieces that are no sentences."""
    async with voice.standin() as standin:
        spoken = await speak(voice.made(standin, 8000), [[HELLO[:7], HELLO[7:], " ", BYE]], 8000)
    assert spoken.errors == []
    kinds = [type(f) for f in spoken.frames if isinstance(f, TTSStartedFrame | TTSStoppedFrame)]
    assert kinds == [TTSStartedFrame, TTSStoppedFrame]
    assert " ".join(frame.text.strip() for frame in spoken.texts) == f"{HELLO} {BYE}"
    assert spoken.pcm


# ------------------------------------------------------------------ what is asked


@on_loop
async def test_deepgram_is_asked() -> None:
    async with DeepgramSpeak() as standin:
        made = BY_PROVIDER["deepgram"].made(standin, 8000, voiceId="asteria", mipOptOut=True)
        await speak(made, [HELLO], 8000)
    (asked,) = standin.asked
    assert asked.path == "/v1/speak"
    assert asked.headers["Authorization"] == "Token the-key"
    assert asked.query == {
        "model": "aura-2-asteria-en",
        "encoding": "linear16",
        "sample_rate": "8000",
        "mip_opt_out": "true",
    }
    assert standin.told[0] == {"type": "Speak", "text": f"{HELLO} "}


@on_loop
async def test_eleven_labs_is_asked() -> None:
    config = {
        "voiceId": "sarah",
        "model": "eleven_turbo_v2_5",
        "language": "de",
        "stability": 0.4,
        "similarityBoost": 0.6,
        "style": 0.1,
        "useSpeakerBoost": True,
        "speed": 1.1,
        "enableSsmlParsing": True,
        "fillerInjectionEnabled": True,  # ignored
    }
    async with ElevenLabs() as standin:
        await speak(BY_PROVIDER["11labs"].made(standin, 16000, **config), [HELLO], 16000)
    (asked,) = standin.asked
    assert asked.path == "/v1/text-to-speech/EXAVITQu4vr4xnSDxMaL/multi-stream-input"
    assert asked.headers["xi-api-key"] == "the-key"
    assert asked.query["model_id"] == "eleven_turbo_v2_5"
    assert asked.query["output_format"] == "pcm_16000"
    assert asked.query["language_code"] == "de"
    assert asked.query["enable_ssml_parsing"] == "true"
    assert standin.told[0]["voice_settings"] == {
        "stability": 0.4,
        "similarity_boost": 0.6,
        "style": 0.1,
        "use_speaker_boost": True,
        "speed": 1.1,
    }


@on_loop
async def test_cartesia_is_asked() -> None:
    config = {
        "model": "sonic-2",
        "language": "fr",
        "generationConfig": {"speed": 1.2, "experimental": {"accentLocalization": 1}},
    }
    async with Cartesia() as standin:
        await speak(BY_PROVIDER["cartesia"].made(standin, 8000, **config), [HELLO], 8000)
    (asked,) = standin.asked
    assert asked.path == "/tts/websocket"
    assert asked.headers["X-API-Key"] == "the-key"
    told = standin.told[0]
    assert (told["model_id"], told["language"]) == ("sonic-2", "fr")
    assert told["voice"] == {"mode": "id", "id": "luna"}
    assert told["generation_config"] == {"speed": 1.2}
    assert told["output_format"] == {
        "container": "raw",
        "encoding": "pcm_s16le",
        "sample_rate": 8000,
    }


@on_loop
async def test_rime_is_asked() -> None:
    config = {"model": "mistv2", "language": "es", "speed": 1.25, "pauseBetweenBrackets": True}
    async with Rime() as standin:
        await speak(BY_PROVIDER["rime-ai"].made(standin, 8000, **config), [HELLO], 8000)
    (asked,) = standin.asked
    assert asked.path == "/ws3"
    assert asked.headers["Authorization"] == "Bearer the-key"
    assert asked.query == {
        "speaker": "luna",
        "modelId": "mistv2",
        "audioFormat": "pcm",
        "samplingRate": "8000",
        "lang": "spa",
        "speedAlpha": "0.8",  # above 1 is slower there
        "pauseBetweenBrackets": "true",
    }


@each_socket
@on_loop
async def test_a_voices_name_cannot_change_the_request(provider: str) -> None:
    name = "x/../y?a=b&c=d#e"
    async with BY_PROVIDER[provider].standin() as standin:
        made = BY_PROVIDER[provider].made(standin, 8000, voiceId=name)
        spoken = await speak(made, [HELLO], 8000)
    assert spoken.errors == []
    (asked,) = standin.asked
    assert "a" not in asked.query
    assert "c" not in asked.query


# ------------------------------------------------------------------ interrupted


@each_way
@on_loop
async def test_speaks_the_next_sentence_after_an_interruption(voice: Voice) -> None:
    async with voice.standin(silent=True) as standin:

        async def interrupt() -> None:
            await standin.reached.wait()
            standin.silent = False

        spoken = await speak(voice.made(standin, 8000), [HELLO, BYE], 8000, interrupt=interrupt)
    assert spoken.errors == []
    assert len(spoken.pcm) == int(8000 * SECONDS) * 2
    assert " ".join(frame.text.strip() for frame in spoken.texts).endswith(BYE)


# ------------------------------------------------------------------ how it fails


@each_way
@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, "authentication"),
        (404, "invalid_request"),  # an unknown voice
        (429, "rate_limit"),
        (500, "server"),
    ],
)
@on_loop
async def test_a_refusal_says_what_the_vendor_says(
    voice: Voice, status: int, category: str
) -> None:
    async with voice.standin(status=status, says="not you") as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    text, found = spoken.errors[0]
    assert f"HTTP {status}" in text
    assert "not you" in text
    assert found == category
    assert spoken.pcm == b""


@each_socket
@on_loop
async def test_a_refusal_on_the_open_socket_says_what_the_vendor_says(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(refuses="code", says="no voice luna") as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert "no voice luna" in spoken.errors[0][0]
    assert spoken.pcm == b""


@pytest.mark.parametrize(
    ("code", "says", "reason"),
    [
        (
            "voice_id_does_not_exist",
            "A voice with the voice_id luna does not exist.",
            "pipeline-error-eleven-labs-voice-not-found",
        ),
        (
            "quota_exceeded",
            "This request exceeds your quota of 10000. You have 0 credits remaining.",
            "pipeline-error-eleven-labs-quota-exceeded",
        ),
        # the code alone tells: it is in the message, and not in the close that follows
        ("quota_exceeded", "Sorry.", "pipeline-error-eleven-labs-quota-exceeded"),
        ("internal", "Something went wrong.", "pipeline-error-eleven-labs-voice-failed"),
    ],
)
@on_loop
async def test_eleven_labs_refusals_are_told_apart(code: str, says: str, reason: str) -> None:
    voice = BY_PROVIDER["11labs"]
    async with ElevenLabs(refuses=code, says=says) as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert voice_failure("11labs", *spoken.errors[0]) == reason


@each_way
@on_loop
async def test_a_sentence_that_breaks_off_is_an_error(voice: Voice) -> None:
    """With what was heard of it; the next sentence is spoken on a connection of its own."""
    async with voice.standin(cut=True) as standin:
        spoken = await speak(voice.made(standin, 16000), [HELLO], 16000, patience=QUIET)
    assert 0 < len(spoken.pcm) < int(16000 * SECONDS) * 2
    text, _ = spoken.errors[0]
    assert "broke off" in text or "connection closed" in text
    assert len(reasons(voice, spoken)) == 1


@each_socket
@on_loop
async def test_speaks_again_after_a_break(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(cut=True) as standin:
        made = voice.made(standin, 8000)
        mend = functools.partial(setattr, standin, "cut", False)
        spoken = await speak(made, [HELLO, BYE], 8000, after_error=mend)
    assert len(spoken.errors) == 1
    assert len(standin.asked) == 2
    assert len(spoken.pcm) > int(8000 * SECONDS) * 2


@each_socket
@on_loop
async def test_a_connection_lost_between_sentences_is_no_error(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin() as standin:
        made = voice.made(standin, 8000)
        lost = asyncio.Event()
        made.add_event_handler("on_disconnected", lambda _: lost.set())

        async def drop() -> None:
            await standin.drop()
            await lost.wait()

        spoken = await speak(made, [HELLO, BYE], 8000, between=drop)
    assert spoken.errors == []
    assert len(standin.asked) == 2
    assert len(spoken.pcm) == 2 * int(8000 * SECONDS) * 2


@each_socket
@on_loop
async def test_a_socket_that_stays_silent_is_an_error(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(silent=True) as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert "completed with no audio" in spoken.errors[0][0]


@each_http
@on_loop
async def test_an_answer_that_does_not_come_is_an_error(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_voice, "ANSWER_SECONDS", QUIET)
    voice = BY_PROVIDER[provider]
    config = {"server": {"timeoutSeconds": QUIET}} if provider == "custom-voice" else {}
    async with voice.standin(silent=True) as standin:
        spoken = await speak(voice.made(standin, 8000, **config), [HELLO], 8000)
    assert spoken.errors[0] == (f"no sound within {QUIET:g} s", "connectivity")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/octet-stream"),  # nothing
        (b'{"message": "later"}', "application/json"),  # would be noise
    ],
)
@on_loop
async def test_an_answer_that_is_no_sound_is_an_error(body: bytes, kind: str) -> None:
    async with CustomVoice(instead=(body, kind)) as standin:
        spoken = await speak(BY_PROVIDER["custom-voice"].made(standin, 8000), [HELLO], 8000)
    assert spoken.pcm == b""
    assert "no sound" in spoken.errors[0][0]


@each_way
@on_loop
async def test_a_port_nobody_listens_on_is_an_error(voice: Voice) -> None:
    async with voice.standin() as standin:
        made = voice.made(standin, 8000)
    spoken = await speak(made, [HELLO], 8000, patience=QUIET)
    assert spoken.errors[0][1] == "connectivity"


# ------------------------------------------------------------------ whose servers are asked


def custom(standin: StandIn, host: str, addresses: Any) -> TTSService:
    url = standin.url.replace("127.0.0.1", host)
    config = {"provider": "custom-voice", "server": {"url": url}}
    return make_voice(config, {}, 8000, custom=Custom(addresses) if addresses else None)


@on_loop
async def test_a_custom_voice_is_reached_at_the_address_that_was_checked() -> None:
    checked = list[str]()

    def addresses(url: str) -> list[str]:
        checked.append(url)
        return ["127.0.0.1"]

    async with CustomVoice() as standin:
        made = custom(standin, "voice.example", addresses)  # a name that does not resolve
        spoken = await speak(made, [HELLO, BYE], 8000)
        url = standin.url.replace("127.0.0.1", "voice.example")
    assert spoken.errors == []
    assert checked == [url, url]
    assert standin.asked[0].headers["Host"].startswith("voice.example:")


@on_loop
async def test_a_custom_voice_is_not_asked_where_it_may_not_be() -> None:
    def addresses(url: str) -> list[str]:
        raise ValueError("127.0.0.1 is not a public address")

    async with CustomVoice() as standin:
        spoken = await speak(custom(standin, "127.0.0.1", addresses), [HELLO], 8000)
    assert standin.asked == []
    assert "127.0.0.1 is not a public address" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voice_is_not_asked_without_a_rule() -> None:
    async with CustomVoice() as standin:
        spoken = await speak(custom(standin, "127.0.0.1", None), [HELLO], 8000)
    assert standin.asked == []
    assert "asks no servers" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voice_is_not_followed_elsewhere() -> None:
    async with CustomVoice() as other, CustomVoice(status=302, moved=other.url) as standin:
        made = BY_PROVIDER["custom-voice"].made(standin, 8000)
        spoken = await speak(made, [HELLO], 8000)
    assert other.asked == []
    assert "302" in spoken.errors[0][0]


def test_http_voices_count_what_they_speak() -> None:
    made = make_voice({"provider": "openai", "voiceId": "x"}, {"openai": Access("k")}, 8000)
    assert isinstance(made, HttpVoice)
    assert made.can_generate_metrics()
