"""What an assistant's fields are worth with a model that hears and speaks by itself."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import Installation, check, refuse
from app.domain.errors import Invalid
from app.settings import Settings
from app.vendors.common.account import VendorAccount

SETTINGS = Settings(("k" * 16,))
OPENAI = {"provider": "openai", "model": "gpt-realtime-2025-08-28"}
GOOGLE = {"provider": "google", "model": "gemini-2.0-flash-realtime-exp"}
ACCOUNTS = {"openai": VendorAccount("key"), "google": VendorAccount("key")}
START = "startSpeakingPlan"
SMART = f"{START}.smartEndpointingPlan.provider"

FATES: list[tuple[dict[str, Any], str, str]] = [
    # its voice and the language of its caller are read
    ({"voice": {"provider": "openai", "voiceId": "marin"}}, "voice.voiceId", "served"),
    ({"voice": {"provider": "openai", "voiceId": "marin", "speed": 1.2}}, "voice.speed", "served"),
    ({"transcriber": {"provider": "deepgram", "language": "de"}}, "transcriber.language", "served"),
    ({"model": {**OPENAI, "maxTokens": 500}}, "model.maxTokens", "served"),
    ({"model": {**GOOGLE, "temperature": 0.1}}, "model.temperature", "served"),
    ({"model": {**GOOGLE, "realtimeConfig": {"topP": 0.1}}}, "model.realtimeConfig", "served"),
    ({START: {"waitSeconds": 1}}, f"{START}.waitSeconds", "served"),
    ({START: {"smartEndpointingPlan": {"provider": "vapi"}}}, SMART, "served"),
    # the rest of voice and transcriber is not
    ({"transcriber": {"provider": "deepgram", "model": "nova-3"}}, "transcriber.model", "ignored"),
    (
        {"voice": {"provider": "openai", "voiceId": "ash", "chunkPlan": {"enabled": True}}},
        "voice.chunkPlan.enabled",
        "ignored",
    ),
    (
        {"model": {**GOOGLE, "maxTokens": 500}, "transcriber": {"language": "de"}},
        "transcriber.language",
        "ignored",
    ),
    ({"model": {**OPENAI, "temperature": 0.1}}, "model.temperature", "ignored"),
    ({"model": {**OPENAI, "fallbackModels": ["gpt-4o"]}}, "model.fallbackModels", "ignored"),
    # nor are plans that need words before the turn is over
    ({START: {"smartEndpointingPlan": {"provider": "custom-endpointing-model"}}}, SMART, "ignored"),
    ({"stopSpeakingPlan": {"numWords": 2}}, "stopSpeakingPlan.numWords", "ignored"),
]


@pytest.mark.parametrize(("assistant", "path", "fate"), FATES)
def test_each_field_says_whether_it_has_an_effect(
    assistant: dict[str, Any], path: str, fate: str
) -> None:
    whole = AssistantConfig({"model": OPENAI, **assistant})
    found = {each.path: each for each in check(whole, Installation(SETTINGS, ACCOUNTS))}
    assert str(found[path].fate) == fate


def test_with_another_model_the_fields_are_as_they_were() -> None:
    plan = {"stopSpeakingPlan": {"numWords": 2}, "model": {"provider": "openai", "model": "gpt-4o"}}
    found = {each.path: each for each in check(AssistantConfig(plan), Installation(SETTINGS))}
    assert str(found["stopSpeakingPlan.numWords"].fate) == "served"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"voice": {"provider": "11labs", "voiceId": "x"}}, "voice.provider must be openai"),
    ({"voice": {"provider": "openai", "voiceId": "onyx"}}, "voice.voiceId must be one of marin"),
    ({"voice": {"provider": "openai", "voiceId": "marin"}, "model": GOOGLE}, "must be google"),
]


@pytest.mark.parametrize(("assistant", "text"), REFUSED)
def test_a_voice_that_the_model_does_not_have_is_refused(
    assistant: dict[str, Any], text: str
) -> None:
    with pytest.raises(Invalid, match=text):
        refuse(AssistantConfig({"model": OPENAI, **assistant}), SETTINGS)


@pytest.mark.parametrize("assistant", [{}, {"voice": {"provider": "openai", "voiceId": "ash"}}])
def test_its_own_voices_are_taken(assistant: dict[str, Any]) -> None:
    refuse(AssistantConfig({"model": OPENAI, **assistant}), SETTINGS)


def test_the_voice_may_be_named_in_the_model() -> None:
    inside = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    model = {**GOOGLE, "realtimeConfig": {"speechConfig": inside}}
    assert AssistantConfig({"model": model}).voice == {"provider": "google", "voiceId": "Kore"}


def test_without_a_key_the_model_cannot_be_had() -> None:
    found = {e.path: e for e in check(AssistantConfig({"model": OPENAI}), Installation(SETTINGS))}
    assert "OPENAI_API_KEY" in found["model"].why
