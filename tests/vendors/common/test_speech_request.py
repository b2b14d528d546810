"""What is asked of the voices that are one HTTP request per sentence."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from app.vendors.azure import tts as azure_tts
from app.vendors.common import speech_request
from app.vendors.common.account import VendorAccount
from app.vendors.custom import tts as custom_tts
from app.vendors.deepgram import tts as deepgram_tts
from app.vendors.openai import tts as openai_tts

SPEAK = "{http://www.w3.org/2001/10/synthesis}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def openai(
    config: dict[str, Any], account: VendorAccount
) -> tuple[speech_request.Request, dict[str, Any]]:
    request = openai_tts.ask_for(config, account)("Hello.")
    return request, json.loads(request.body)


def test_openai() -> None:
    request, body = openai({"voiceId": "alloy"}, VendorAccount("key"))
    assert request.url == "https://api.openai.com/v1/audio/speech"
    assert request.headers["Authorization"] == "Bearer key"
    assert body == {
        "model": "tts-1",
        "voice": "alloy",
        "input": "Hello.",
        "response_format": "pcm",
    }


def test_openai_with_all_it_may_be_told() -> None:
    config = {
        "voiceId": "my own voice",
        "model": "gpt-4o-mini-tts",
        "speed": 1.2,
        "instructions": "Whisper.",
    }
    request, body = openai(config, VendorAccount(None, "http://127.0.0.1:1/v1/"))
    assert request.url == "http://127.0.0.1:1/v1/audio/speech"
    assert "Authorization" not in request.headers
    assert (body["voice"], body["model"]) == ("my own voice", "gpt-4o-mini-tts")
    assert (body["speed"], body["instructions"]) == (1.2, "Whisper.")


def test_a_request_does_not_show_its_key() -> None:
    assert "key" not in repr(openai({"voiceId": "alloy"}, VendorAccount("key"))[0])


@pytest.mark.parametrize(
    ("asked", "format_", "answered"),
    [
        (8000, "raw-8khz-16bit-mono-pcm", 8000),
        (16000, "raw-16khz-16bit-mono-pcm", 16000),
        (12345, "raw-24khz-16bit-mono-pcm", 24000),  # it has no such rate: ours is converted
    ],
)
def test_azure_is_asked_for_the_rate(asked: int, format_: str, answered: int) -> None:
    access = VendorAccount("key", extra={"region": "westeurope"})
    request = azure_tts.ask_for({"voiceId": "andrew"}, access, asked)("Hello.")
    assert request.url == "https://westeurope.tts.speech.microsoft.com/cognitiveservices/v1"
    assert request.headers["X-Microsoft-OutputFormat"] == format_
    assert request.headers["Ocp-Apim-Subscription-Key"] == "key"
    assert request.sample_rate == answered


@pytest.mark.parametrize(
    ("voice", "name", "language"),
    [
        ("andrew", "en-US-AndrewNeural", "en-US"),  # Vapi's short name
        ("de-DE-KatjaNeural", "de-DE-KatjaNeural", "de-DE"),
        ("mine", "mine", "en-US"),  # names no language
        ("x'\"><break/>", "x'\"><break/>", "en-US"),  # stays a name
    ],
)
def test_ssml_names_voice_and_language(voice: str, name: str, language: str) -> None:
    root = ElementTree.fromstring(azure_tts.ssml({"voiceId": voice}, "a < b & c"))
    assert root.attrib[LANGUAGE] == language
    (found,) = root
    assert (found.tag, found.attrib["name"], found.text) == (f"{SPEAK}voice", name, "a < b & c")


@pytest.mark.parametrize("bad", ["\0", "\x1b", "\x0b", "\ud83d", "\uffff", "\ufffe"])
def test_ssml_holds_what_xml_can_hold(bad: str) -> None:
    markup = azure_tts.ssml({"voiceId": f"mi{bad}ne"}, f"a{bad}b\t\n\u00e9\U0001f600").encode()
    (voice,) = ElementTree.fromstring(markup)
    assert (voice.attrib["name"], voice.text) == ("mine", "ab\t\n\u00e9\U0001f600")


def test_ssml_speed() -> None:
    markup = azure_tts.ssml({"voiceId": "emma", "speed": 1.25}, "quick")
    prosody = ElementTree.fromstring(markup).find(f".//{SPEAK}prosody")
    assert prosody is not None
    assert (prosody.attrib["rate"], prosody.text) == ("1.25", "quick")


def test_custom_voice_is_asked_as_vapi_asks() -> None:
    server = {"url": "https://v.example/say", "secret": "s", "headers": {"X-Mine": "1"}}
    about = {"call": {"id": "c"}, "type": "not this"}
    request = custom_tts.ask_for(server, about, 8000)("Hello.")
    assert request.url == "https://v.example/say"
    assert request.headers["X-Vapi-Secret"] == "s"
    assert request.headers["X-Mine"] == "1"
    assert json.loads(request.body) == {
        "message": {
            "type": "voice-request",
            "text": "Hello.",
            "sampleRate": 8000,
            "call": {"id": "c"},
        }
    }


@pytest.mark.parametrize(
    ("voice", "model", "name"),
    [
        ("asteria", None, "aura-2-asteria-en"),  # the newer model, where it has the voice
        ("asteria", "aura", "aura-asteria-en"),
        ("stella", None, "aura-stella-en"),  # only the first model has her
        ("Celeste", None, "aura-2-celeste-es"),
        ("viktoria", "aura-2", "aura-2-viktoria-de"),
        ("aura-2-thalia-en", None, "aura-2-thalia-en"),  # Deepgram's own name
    ],
)
def test_names_of_deepgrams_voices(voice: str, model: str | None, name: str) -> None:
    assert deepgram_tts.voice_name(voice, model) == name
