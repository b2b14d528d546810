"""Every voice speaks, in the engine's pipeline, with a stand-in that speaks its vendor's protocol."""

from __future__ import annotations

import pytest
from pipecat.frames.frames import TTSStartedFrame, TTSStoppedFrame

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_http import HttpVoice
from app.vendors.registry import local_programs, tts_parts
from app.vendors.tts import has_word_times, make_voice
from tests.clock import on_loop
from tests.fakes.vendors.cartesia import Cartesia
from tests.fakes.vendors.deepgram_speak import DeepgramSpeak
from tests.fakes.vendors.eleven_labs import ElevenLabs
from tests.fakes.vendors.rime import Rime
from tests.fakes.vendors.standin import SECONDS
from tests.vendors.cases import BY_PROVIDER, BYE, HELLO, Voice, each, each_socket, each_way
from tests.vendors.speaking import speak


def test_every_voice_is_here() -> None:
    no_servers = {"embedded", "vapi", *local_programs()}
    assert set(BY_PROVIDER) == set(tts_parts()) - no_servers


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


def test_http_voices_count_what_they_speak() -> None:
    made = make_voice({"provider": "openai", "voiceId": "x"}, {"openai": VendorAccount("k")}, 8000)
    assert isinstance(made, HttpVoice)
    assert made.can_generate_metrics()
