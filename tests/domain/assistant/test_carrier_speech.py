"""Assistants that a carrier hears and speaks for: what is wanted of it, and what has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import carrier_speech
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import Installation, check, refuse
from app.domain.errors import Invalid
from app.settings import Settings
from app.vendors.common.account import VendorAccount
from providers.base.instructions import SpeechWanted
from providers.registry import PROVIDERS
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from providers.web import WEB

SETTINGS = Settings(("k" * 16,))
TRANSPORT = {"provider": "twilio", "conversationType": "conversation-relay"}
MODEL = {"provider": "openai", "model": "gpt-4o"}
INSTALLED = Installation(SETTINGS, {"openai": VendorAccount("key")})


def assistant(**fields: Any) -> AssistantConfig:
    return AssistantConfig({"transport": TRANSPORT, "model": MODEL, **fields})


# ------------------------------------------------------------------ what is wanted


def test_nothing_of_its_own() -> None:
    assert carrier_speech.wanted(assistant(), TWILIO) == SpeechWanted()
    plain = AssistantConfig({"transport": {"provider": "echo", "conversationType": "voice"}})
    assert carrier_speech.wanted(plain, TWILIO) is None


def test_a_voice_and_a_transcriber_that_the_carrier_has() -> None:
    found = carrier_speech.wanted(
        assistant(
            voice={"provider": "11labs", "voiceId": "x", "stability": 0.5},
            transcriber={"provider": "deepgram", "model": "nova-3", "keywords": ["Patchbay"]},
            keypadInputPlan={"enabled": False},
            transport={**TRANSPORT, "ignoreBackchannel": True, "speechTimeout": 900, "url": None},
        ),
        TWILIO,
    )
    assert found == SpeechWanted(
        {"provider": "11labs", "voiceId": "x"},
        {"provider": "deepgram", "model": "nova-3", "keywords": ["Patchbay"]},
        keys=False,
        options={"ignoreBackchannel": "true", "speechTimeout": "900"},
    )


def test_those_that_it_does_not_have() -> None:
    found = carrier_speech.wanted(
        assistant(
            voice={"provider": "cartesia", "voiceId": "x"}, transcriber={"provider": "gladia"}
        ),
        TWILIO,
    )
    assert found == SpeechWanted()


def test_the_model_is_answered_by_the_local_backend() -> None:
    assert assistant().transport.backend(SETTINGS) == "local"


# ------------------------------------------------------------------ which carrier


def test_only_its_own_carrier_can_have_it() -> None:
    assert carrier_speech.mismatch(assistant(), TWILIO) is None
    for other in (VONAGE, WEB):
        told = carrier_speech.mismatch(assistant(), other)
        assert told is not None
        assert other.name in told
        assert "conversation-relay" in told
        assert carrier_speech.mismatch(AssistantConfig({}), other) is None


NEVER: list[tuple[dict[str, Any], str]] = [
    ({"transport": {**TRANSPORT, "provider": "vonage"}}, "transport.provider must be one of"),
    (
        {"transport": {"conversationType": "conversation-relay"}},
        "transport.provider must be one of",
    ),
    ({"transport": {**TRANSPORT, "hints": "x" * 501}}, "transport must have at most 500"),
    ({"transport": {**TRANSPORT, "hints": "&" * 101}}, "transport must have at most 500"),
    ({"transport": {**TRANSPORT, "hints": ["Patchbay"]}}, "transport.hints must be a text"),
    ({"voice": {"provider": "11labs", "voiceId": "x" * 501}}, "voice must have at most 500"),
    ({"transcriber": {"provider": "deepgram", "model": "&" * 101}}, "transcriber must have"),
    ({"model": {"provider": "openai", "model": "gpt-realtime-2025-08-28"}}, "model must read"),
]


@pytest.mark.parametrize(("fields", "sentence"), NEVER)
def test_what_no_call_could_have(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        refuse(assistant(**fields), SETTINGS)
    assert sentence in str(refused.value)


def test_the_vendors_of_voice_and_transcriber_need_no_account() -> None:
    found = check(assistant(voice={"provider": "11labs", "voiceId": "x"}), INSTALLED)
    assert {each.path: each.fate.value for each in found} == {
        "transport.provider": "served",
        "transport.conversationType": "mapped",
        "model.provider": "served",
        "model.model": "served",
        "voice.provider": "served",
        "voice.voiceId": "served",
    }


# ------------------------------------------------------------------ which fields

FATES: list[tuple[dict[str, Any], str, str]] = [
    ({"voice": {"provider": "11labs", "voiceId": "x", "speed": 2}}, "voice.speed", "ignored"),
    ({"voice": {"provider": "cartesia", "voiceId": "x"}}, "voice.voiceId", "ignored"),
    ({"transcriber": {"provider": "deepgram", "model": "nova-3"}}, "transcriber.model", "served"),
    ({"transcriber": {"provider": "gladia"}}, "transcriber.provider", "ignored"),
    ({"startSpeakingPlan": {"waitSeconds": 1}}, "startSpeakingPlan.waitSeconds", "ignored"),
    ({"stopSpeakingPlan": {"numWords": 1}}, "stopSpeakingPlan.numWords", "ignored"),
    ({"backgroundSound": "office"}, "backgroundSound", "ignored"),
    ({"transport": {**TRANSPORT, "hints": "Patchbay"}}, "transport.hints", "served"),
    ({"transport": {**TRANSPORT, "hint": "Patchbay"}}, "transport.hint", "ignored"),
    ({"firstMessage": "Hello."}, "firstMessage", "served"),
]


@pytest.mark.parametrize(("fields", "path", "fate"), FATES, ids=[path for _, path, _ in FATES])
def test_what_becomes_of_a_field(fields: dict[str, Any], path: str, fate: str) -> None:
    found = {each.path: each for each in check(assistant(**fields), INSTALLED)}
    assert found[path].fate == fate
    plain = AssistantConfig(
        {"model": MODEL, **{n: v for n, v in fields.items() if n != "transport"}}
    )
    assert carrier_speech.row_of(plain.json, path) is None


def test_the_carriers_that_have_it() -> None:
    assert [name for name, carrier in PROVIDERS.items() if carrier.speech] == ["twilio"]
