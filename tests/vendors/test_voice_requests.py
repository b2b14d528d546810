"""What the voices over HTTP are asked, and how their answers are read."""

from __future__ import annotations

import base64
import json
import wave
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from app.vendors.aws import tts as aws
from app.vendors.azure.tts import ssml
from app.vendors.common import speech_answer
from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import JsonLines, NoSound, WholeJson, without_header
from app.vendors.common.speech_request import Request, rate_of
from app.vendors.google import tts as google
from app.vendors.hume import tts as hume
from app.vendors.inworld import tts as inworld
from app.vendors.minimax import tts as minimax
from app.vendors.neuphonic import tts as neuphonic
from app.vendors.smallest_ai import tts as smallest_ai
from app.vendors.xai import tts as xai
from providers.common.json_types import JsonObject
from tests.vendors.cases import HELLO

KEY = VendorAccount("the-key", extra={"groupId": "g 1"})
LUNA = {"voiceId": "luna"}
UUID = "d8ab67c6-953d-4bd8-9370-8fa53a0f1453"


def asked(request: Request) -> tuple[str, Any, dict[str, str]]:
    """The URL, the body and the headers beside its type."""
    headers = {name: value for name, value in request.headers.items() if name != "Content-Type"}
    return request.url, json.loads(request.body), headers


def test_minimax() -> None:
    config = {
        "voiceId": "Calm_Woman",
        "model": "speech-02-hd",
        "speed": 1.2,
        "volume": 0.5,
        "pitch": -2.0,
        "emotion": "happy",
        "languageBoost": "German",
        "region": "china",
        "textNormalizationEnabled": False,
        "subtitleType": "word",
    }
    request = minimax.ask_for(config, KEY, 16_000)(HELLO)
    assert asked(request) == (
        "https://api.minimaxi.com/v1/t2a_v2?GroupId=g+1",
        {
            "model": "speech-02-hd",
            "text": HELLO,
            "stream": True,
            "stream_options": {"exclude_aggregated_audio": True},
            "language_boost": "German",
            "voice_setting": {
                "voice_id": "Calm_Woman",
                "speed": 1.2,
                "vol": 0.5,
                "emotion": "happy",
                "pitch": -2,
                "text_normalization": False,
            },
            "audio_setting": {"sample_rate": 16_000, "format": "pcm", "channel": 1},
        },
        {"Authorization": "Bearer the-key"},
    )
    plain = minimax.ask_for(LUNA, VendorAccount("k"), 8000)(HELLO)
    assert plain.url == "https://api.minimax.io/v1/t2a_v2"
    assert json.loads(plain.body)["model"] == "speech-02-turbo"


def test_inworld() -> None:
    config = {
        "voiceId": "Hana",
        "model": "inworld-tts-1",
        "languageCode": "ja",
        "temperature": 0.8,
        "speakingRate": 1.25,
    }
    assert asked(inworld.ask_for(config, KEY, 8000)(HELLO)) == (
        "https://api.inworld.ai/tts/v1/voice:stream",
        {
            "text": HELLO,
            "voiceId": "Hana",
            "modelId": "inworld-tts-1",
            "temperature": 0.8,
            "language": "ja-JP",
            "audioConfig": {
                "audioEncoding": "PCM",
                "sampleRateHertz": 8000,
                "speakingRate": 1.25,
            },
        },
        {"Authorization": "Basic the-key"},
    )


@pytest.mark.parametrize(
    ("config", "voice", "version"),
    [
        ({"voiceId": UUID}, {"id": UUID, "provider": "HUME_AI"}, None),
        ({"voiceId": "Ava Song"}, {"name": "Ava Song", "provider": "HUME_AI"}, None),
        (
            {"voiceId": UUID, "model": "octave2", "isCustomHumeVoice": True},
            {"id": UUID, "provider": "CUSTOM_VOICE"},
            "2",
        ),
    ],
)
def test_hume(config: JsonObject, voice: JsonObject, version: str | None) -> None:
    request = hume.ask_for({**config, "description": "warm"}, KEY)(HELLO)
    url, body, headers = asked(request)
    assert (url, request.sample_rate) == ("https://api.hume.ai/v0/tts/stream/json", 48_000)
    directed = {} if version == "2" else {"description": "warm"}
    assert body["utterances"] == [{"text": HELLO, "voice": voice, **directed}]
    assert body.get("version") == version
    assert headers == {"X-Hume-Api-Key": "the-key"}


@pytest.mark.parametrize(
    ("name", "language", "voice"),
    [
        ("Kore", None, ("en-US", "en-US-Chirp3-HD-Kore")),
        ("Kore", "de-DE", ("de-DE", "de-DE-Chirp3-HD-Kore")),
        ("fr-FR-Neural2-A", None, ("fr-FR", "fr-FR-Neural2-A")),
        ("cmn-CN-Wavenet-A", None, ("cmn-CN", "cmn-CN-Wavenet-A")),
    ],
)
def test_google(name: str, language: str | None, voice: tuple[str, str]) -> None:
    config = {"voiceId": name, "language": language, "speed": 1.1}
    assert asked(google.ask_for(config, KEY, 8000)(HELLO)) == (
        "https://texttospeech.googleapis.com/v1/text:synthesize",
        {
            "input": {"text": HELLO},
            "voice": {"languageCode": voice[0], "name": voice[1]},
            "audioConfig": {
                "audioEncoding": "LINEAR16",
                "sampleRateHertz": 8000,
                "speakingRate": 1.1,
            },
        },
        {"X-Goog-Api-Key": "the-key"},
    )


def test_aws() -> None:
    account = VendorAccount("secret", extra={"region": "eu-west-1", "awsAccessKeyId": "AKID"})
    config = {"voiceId": "Joanna", "model": "generative", "language": "en-US"}
    url, body, headers = asked(aws.ask_for(config, account, 8000)(HELLO))
    assert url == "https://polly.eu-west-1.amazonaws.com/v1/speech"
    assert body == {
        "OutputFormat": "pcm",
        "SampleRate": "8000",
        "VoiceId": "Joanna",
        "Text": HELLO,
        "Engine": "generative",
        "LanguageCode": "en-US",
    }
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/eu-west-1/polly/" in headers["Authorization"]
    assert json.loads(aws.ask_for(LUNA, account, 8000)(HELLO).body)["Engine"] == "neural"


@pytest.mark.parametrize(
    ("model", "plain"),
    [("lightning", {"add_wav_header": False}), ("lightning-v2", {"output_format": "pcm"})],
)
def test_smallest_ai(model: str, plain: JsonObject) -> None:
    config = {"voiceId": "emily", "model": model, "speed": 1.2}
    assert asked(smallest_ai.ask_for(config, KEY, 8000)(HELLO)) == (
        f"https://waves-api.smallest.ai/api/v1/{model}/get_speech",
        {"voice_id": "emily", "sample_rate": 8000, "text": HELLO, "speed": 1.2, **plain},
        {"Authorization": "Bearer the-key"},
    )


def test_neuphonic() -> None:
    config = {"voiceId": "a", "model": "neu_hq", "language": "es/..", "speed": 0.9}
    assert asked(neuphonic.ask_for(config, KEY, 8000)(HELLO)) == (
        "https://api.neuphonic.com/sse/speak/es%2F..",
        {
            "voice_id": "a",
            "lang_code": "es/..",
            "encoding": "pcm_linear",
            "sampling_rate": 8000,
            "model": "neu_hq",
            "speed": 0.9,
            "text": HELLO,
        },
        {"X-API-KEY": "the-key"},
    )


def test_xai() -> None:
    config = {"voiceId": "eve", "language": "de", "speed": 1.1}
    assert asked(xai.ask_for(config, KEY, 8000)(HELLO)) == (
        "https://api.x.ai/v1/tts",
        {
            "voice_id": "eve",
            "language": "de",
            "speed": 1.1,
            "text": HELLO,
            "output_format": {"codec": "pcm", "sample_rate": 8000},
        },
        {"Authorization": "Bearer the-key"},
    )


def test_microsofts_styles() -> None:
    config = {"voiceId": "en-US-Ethan:MAI-Voice-2", "speed": 1.5}
    styled = {**config, "style": 'sad"', "styleDegree": 1.5, "role": "Boy"}
    assert '<voice name="en-US-Ethan:MAI-Voice-2"><prosody rate="1.5">Hi' in ssml(config, "Hi")
    assert "express-as" not in ssml({**config, "styleDegree": 2}, "Hi")
    assert (
        '<mstts:express-as style=\'sad"\' styledegree="1.5" role="Boy">'
        '<prosody rate="1.5">Hi</prosody></mstts:express-as>' in ssml(styled, "Hi")
    )


@pytest.mark.parametrize(
    ("wanted", "rate"), [(8000, 8000), (16_000, 16_000), (24_000, 22_050), (48_000, 22_050)]
)
def test_the_rate_that_a_vendor_has(wanted: int, rate: int) -> None:
    assert rate_of((8000, 16_000, 22_050), wanted) == rate


# ------------------------------------------------------------------ answers


def in_base64(found: JsonObject) -> bytes:
    return base64.b64decode(found["audio"])


def line(pcm: bytes) -> bytes:
    return json.dumps({"audio": base64.b64encode(pcm).decode()}).encode()


EVENTS = (
    b": hello\r\nevent: message\r\nid: 1\r\ndata: " + line(b"abc") + b"\r\n\r\n"
    b"retry: 5\n\ndata:" + line(b"de") + b"\n\ndata: [DONE]\n\n"
)


@pytest.mark.parametrize(
    "body",
    [line(b"abc") + b"\n\n" + line(b"de"), line(b"abc") + b"\r\n" + line(b"de") + b"\n", EVENTS],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_of_json_come_in_any_pieces(body: bytes, size: int) -> None:
    reader = JsonLines(in_base64)
    found = [reader.feed(body[at : at + size]) for at in range(0, len(body), size)]
    assert b"".join(found) + reader.rest() == b"abcde"


def test_a_whole_object_comes_in_any_pieces() -> None:
    reader = WholeJson(in_base64)
    assert [reader.feed(b'{\n"audio":'), reader.feed(b'"YWJj"\n}')] == [b"", b""]
    assert reader.rest() == b"abc"


@pytest.mark.parametrize("make", [JsonLines, WholeJson])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>Gateway</html>",
        b"[]",
        b'"abc"',
        b"{}",
        b'{"audio": 7}',
        b'{"audio": "a"}',  # no base64
        b'{"audio": "YWJj"',
        b'{"a":' * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_sound_is_told(make: Callable[..., Any], body: bytes) -> None:
    reader = make(in_base64)
    reader.feed(body)
    with pytest.raises(NoSound, match="is not what it should be") as caught:
        reader.rest()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("make", [JsonLines, WholeJson])
def test_an_answer_is_bounded(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_answer, "MAX_VALUE", 1000)
    reader = make(in_base64)
    reader.feed(b" " * 1000)
    with pytest.raises(NoSound, match="too long"):
        reader.feed(b" ")


def test_a_files_header_is_no_sound() -> None:
    file = BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(b"\1\0\2\0")
    assert without_header(file.getvalue()) == b"\1\0\2\0"
    assert without_header(b"RIFF....WAVEfmt ") == b""
    assert without_header(b"\1\0") == b"\1\0"
