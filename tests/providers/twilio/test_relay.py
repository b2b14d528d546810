"""ConversationRelay: the document's noun, both sides of its socket, and what its callback says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from twilio.twiml.voice_response import Connect as SdkConnect  # type: ignore[import-untyped]

from providers.base.instructions import SpeechWanted
from providers.base.media import (
    CallerSpeaks,
    Complaint,
    Digit,
    Frame,
    Heard,
    Spoken,
    SpokenOver,
    StreamStart,
    UnknownFrame,
    VoiceSpeaks,
)
from providers.errors import BadRequest
from providers.events import EndedReason, EventKind
from providers.testing.contract import CALL_ID, MEDIA_URL, ORIGIN, TOKEN, arrow
from providers.twilio import relay, twiml
from providers.twilio.relay import RelaySerializer
from providers.twilio.simulator.relay import RelayMessages, understood
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, only, parsed

MESSAGES = RelayMessages(ACCOUNT_SID, CALL_SID, {"callId": CALL_ID}, "VX" + "0" * 32)


# ------------------------------------------------------------------ the document


def noun(wanted: SpeechWanted) -> dict[str, str]:
    text = twiml.document([replace(arrow(), speech=wanted)])
    found = ET.fromstring(text).find("Connect/ConversationRelay")
    assert found is not None
    return dict(found.attrib)


def test_the_whole_document() -> None:
    assert twiml.document([replace(arrow(), speech=SpeechWanted())]) == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Response><Connect action="{ORIGIN}/carrier/after/{TOKEN}" method="POST">'
        f'<ConversationRelay url="{MEDIA_URL}" dtmfDetection="true"'
        ' events="speaker-events tokens-played">'
        f'<Parameter name="callId" value="{CALL_ID}" /></ConversationRelay></Connect></Response>'
    )


WANTED: dict[str, tuple[SpeechWanted, dict[str, str]]] = {
    "elevenlabs": (
        SpeechWanted(
            {"provider": "11labs", "voiceId": "UgBBYS2sOqTuMpoF3BR0", "model": "eleven_flash_v2_5"}
        ),
        {"ttsProvider": "ElevenLabs", "voice": "UgBBYS2sOqTuMpoF3BR0-flash_v2_5"},
    ),
    "another model": (
        SpeechWanted({"provider": "11labs", "voiceId": "x", "model": "eleven_multilingual_v2"}),
        {"ttsProvider": "ElevenLabs", "voice": "x"},
    ),
    "amazon": (
        SpeechWanted({"provider": "aws", "voiceId": "Joanna-Neural", "language": "en-US"}),
        {"ttsProvider": "Amazon", "voice": "Joanna-Neural", "ttsLanguage": "en-US"},
    ),
    "deepgram": (
        SpeechWanted(
            transcriber={
                "provider": "deepgram",
                "model": "nova-3",
                "language": "de",
                "keywords": ["Patchbay", "Krüger:2"],
            }
        ),
        {
            "transcriptionProvider": "Deepgram",
            "speechModel": "nova-3-general",
            "transcriptionLanguage": "de-DE",
            "ttsLanguage": "de-DE",
            "hints": "Patchbay,Krüger",
        },
    ),
    "google": (
        SpeechWanted(
            transcriber={"provider": "google", "model": "gemini-2.0-flash", "language": "es-MX"}
        ),
        {
            "transcriptionProvider": "Google",
            "transcriptionLanguage": "es-MX",
            "ttsLanguage": "es-MX",
        },
    ),
    "too many hints": (
        SpeechWanted(transcriber={"provider": "deepgram", "keywords": ["x" * 99] * 9}),
        {"transcriptionProvider": "Deepgram", "hints": ",".join(["x" * 99] * 5)},
    ),
    "hints that grow in the document": (
        SpeechWanted(transcriber={"provider": "deepgram", "keywords": ["&" * 50] * 9}),
        {"transcriptionProvider": "Deepgram", "hints": "&" * 50},
    ),
    "no keys": (SpeechWanted(keys=False), {}),
    "own options win": (
        SpeechWanted(
            {"provider": "11labs", "voiceId": "x"}, options={"voice": "y", "interruptible": "none"}
        ),
        {"ttsProvider": "ElevenLabs", "voice": "y", "interruptible": "none"},
    ),
}


@pytest.mark.parametrize(("wanted", "expected"), WANTED.values(), ids=list(WANTED))
def test_what_an_assistant_wants(wanted: SpeechWanted, expected: dict[str, str]) -> None:
    always = {"url": MEDIA_URL, "events": relay.EVENTS}
    keys = {"dtmfDetection": "true"} if wanted.keys else {}
    assert noun(wanted) == {**always, **keys, **expected}


def test_no_attribute_is_made_up() -> None:
    """Twilio's own library has each of them as an argument."""
    taken = set(SdkConnect().conversation_relay.__code__.co_varnames)
    for name in relay.OPTIONS | {"url", "dtmfDetection", "events"}:
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
        assert {name, snake} & taken, name


def test_a_text_that_xml_cannot_hold() -> None:
    assert noun(SpeechWanted(options={"hints": 'a "b" & \x00<c>'}))["hints"] == 'a "b" & <c>'


# ------------------------------------------------------------------ the socket


def begun() -> RelaySerializer:
    serializer = RelaySerializer()
    start = serializer.decode(MESSAGES.setup())
    assert start == StreamStart("VX" + "0" * 32, CALL_SID, ACCOUNT_SID, 8000, {"callId": CALL_ID})
    return serializer


HEARD: dict[str, tuple[str, Frame]] = {
    "prompt": (MESSAGES.prompt("Hi!"), Heard("Hi!", True, "en-US")),
    "part of one": (MESSAGES.prompt("Hi", last=False), Heard("Hi", False, "en-US")),
    "without last": (MESSAGES.message("prompt", voicePrompt="Hi"), Heard("Hi")),
    "interrupt": (MESSAGES.interrupt("Life is a", 460), SpokenOver("Life is a")),
    "nothing heard": (MESSAGES.message("interrupt"), SpokenOver("")),
    "dtmf": (MESSAGES.dtmf("#"), Digit("#")),
    "error": (MESSAGES.error("x" * 500), Complaint("x" * relay.MAX_COMPLAINT)),
    "words said": (MESSAGES.info("tokensPlayed", "Life "), Spoken("Life ")),
    "the caller speaks": (MESSAGES.info("clientSpeaking", "on"), CallerSpeaks()),
    "no more": (MESSAGES.info("clientSpeaking", "off"), UnknownFrame("info clientSpeaking")),
    "the voice": (MESSAGES.info("agentSpeaking", "on"), VoiceSpeaks(True)),
    "its end": (MESSAGES.info("agentSpeaking", "off"), VoiceSpeaks(False)),
    "of the voice": (MESSAGES.info("agentSpeaking", "?"), UnknownFrame("info agentSpeaking")),
    "a new one": (MESSAGES.message("n" * 60), UnknownFrame("n" * 40)),
}


@pytest.mark.parametrize(("message", "frame"), HEARD.values(), ids=list(HEARD))
def test_what_twilio_says(message: str, frame: Frame) -> None:
    assert begun().decode(message) == frame


@pytest.mark.parametrize(
    "message",
    [
        b"\x00",
        "no json",
        "[]",
        "{}",
        MESSAGES.message("prompt"),
        MESSAGES.dtmf("12"),
        MESSAGES.setup(),  # a second one
        " " * 70_000,
    ],
)
def test_what_twilio_cannot_have_said(message: str | bytes) -> None:
    with pytest.raises(BadRequest):
        begun().decode(message)


@pytest.mark.parametrize(
    "changes",
    [{"sessionId": "x"}, {"callSid": None}, {"accountSid": "AC"}, {"customParameters": "x"}],
)
def test_a_setup_without_its_names(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        RelaySerializer().decode(MESSAGES.setup(**changes))


def test_words_before_the_setup() -> None:
    with pytest.raises(BadRequest):
        RelaySerializer().decode(MESSAGES.prompt("Hi"))


def test_what_we_say_is_understood() -> None:
    serializer = begun()
    sent = [
        *serializer.text("Hello ", last=False, interruptible=True),
        *serializer.text("", last=True, interruptible=False),
        *serializer.press("1w#"),
        *serializer.goodbye(),
    ]
    assert [understood(each) for each in sent] == [
        {
            "type": "text",
            "token": "Hello ",
            "last": False,
            "interruptible": True,
            "preemptible": True,
        },
        {"type": "text", "token": "", "last": True, "interruptible": False, "preemptible": True},
        {"type": "sendDigits", "digits": "1w#"},
        {"type": "end"},
    ]
    no_audio = (serializer.audio(b"\0\0"), serializer.flush(), serializer.mark("x"))
    assert [*no_audio, serializer.clear()] == [[], [], [], []]


# ------------------------------------------------------------------ the callback


SESSION = {"SessionId": "VX" + "0" * 32, "SessionStatus": "failed", "SessionDuration": "5"}


def told(**fields: str) -> tuple[EventKind, EndedReason | None]:
    report = parsed("after", {**SESSION, **fields})
    assert report.asks
    event = only(report)
    assert (event.data["sessionRef"], event.data["sessionSeconds"]) == ("VX" + "0" * 32, 5)
    return event.kind, event.reason


def test_the_callback_of_a_session() -> None:
    go_on = (EventKind.LEG_CONTINUED, None)
    assert told(SessionStatus="ended") == go_on
    assert told(ErrorCode="64105", ErrorMessage="WebSocket ended") == go_on  # another session
    assert told(ErrorCode="64102") == go_on
    assert told(ErrorCode="39001") == go_on  # one that no page tells of
    for code in ("64106", "64114"):
        gone = told(ErrorCode=code, ErrorMessage="no such voice")
        assert gone == (EventKind.MEDIA_GONE, EndedReason.ASSISTANT_ERROR)
    left = told(SessionStatus="completed", CallStatus="completed", ErrorCode="64114")
    assert left == (EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL)


def test_the_error_is_kept() -> None:
    event = only(parsed("after", {**SESSION, "ErrorCode": "64106", "ErrorMessage": "no voice"}))
    assert (event.data["errorCode"], event.data["errorMessage"]) == ("64106", "no voice")
