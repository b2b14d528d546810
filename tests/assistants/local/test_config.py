"""What an assistant's JSON asks of a conversation."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from app.assistants.local.config import AgentConfig
from app.assistants.local.config import read_config as read
from app.domain.assistant.config import EMBEDDED, NO_TRANSCRIBER, AssistantConfig
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.assistant.endpointing import Smart
from app.domain.assistant.rendering import rendered

MODEL = {"provider": "openai", "model": "gpt-4o"}


def read_config(assistant: dict[str, Any], values: dict[str, Any]) -> AgentConfig:
    return read(rendered(AssistantConfig(assistant), values))


@pytest.mark.parametrize(
    ("assistant", "field", "value"),
    [
        ({}, "model", EMBEDDED),  # nothing at all: the keypad menu
        ({}, "voice", EMBEDDED),
        ({}, "transcriber", NO_TRANSCRIBER),  # a menu needs no ears
        ({"model": MODEL}, "transcriber", {"provider": "deepgram"}),  # Vapi's default
        ({"transcriber": {"provider": "gladia"}}, "transcriber", {"provider": "gladia"}),
        ({"silenceTimeoutSeconds": 12}, "silence_seconds", 12.0),
        ({"silenceTimeoutSeconds": "soon"}, "silence_seconds", 30.0),  # no number: the default
        ({"silenceTimeoutSeconds": 0}, "silence_seconds", 0.0),
        ({"silenceTimeoutSeconds": -1}, "silence_seconds", 30.0),
        ({"silenceTimeoutSeconds": True}, "silence_seconds", 30.0),  # nor is this one
        ({"endCallPhrases": [" Good Bye ", "", 3]}, "end_phrases", ("good bye",)),
        (
            {"endCallPhrases": "bye"},
            "end_phrases",
            (),
        ),  # no list: as if absent, and not its letters
        ({"endCallPhrases": 3}, "end_phrases", ()),
        ({"endCallMessage": "Bye {{name}}."}, "end_message", "Bye {{name}}."),
        ({"responseDelaySeconds": 1.1}, "start.wait_seconds", 1.1),  # the older name
        (
            {"responseDelaySeconds": 1.1, "startSpeakingPlan": {"waitSeconds": 0.2}},
            "start.wait_seconds",
            0.2,  # the newer one wins
        ),
        ({"startSpeakingPlan": {"smartEndpointingEnabled": True}}, "start.smart", Smart.LOCAL),
        (
            {"startSpeakingPlan": {"smartEndpointingPlan": {"provider": "x"}}},
            "start.smart",
            Smart.LOCAL,
        ),
        ({"startSpeakingPlan": {"smartEndpointingEnabled": False}}, "start.smart", Smart.NONE),
        ({"numWordsToInterruptAssistant": 3}, "stop.words", 3),
        ({"stopSpeakingPlan": {"numWords": 2}}, "stop.words", 2),
        ({"stopSpeakingPlan": {"voiceSeconds": 0.5}}, "stop.voice_seconds", 0.5),
        ({"firstMessageInterruptionsEnabled": False}, "first_interruptible", False),
        ({"firstMessageInterruptionsEnabled": True}, "first_interruptible", True),
        ({}, "first_interruptible", True),  # the era's behaviour, before the field was
        ({"keypadInputPlan": {"timeoutSeconds": 5}}, "keypad_seconds", 5.0),
        ({"keypadInputPlan": {"timeoutSeconds": 0}}, "keypad_seconds", 0.05),  # each key at once
        ({"keypadInputPlan": {"delimiters": "*"}}, "keypad_end", "*"),
        ({"keypadInputPlan": {"delimiters": ""}}, "keypad_end", ""),
        ({"keypadInputPlan": {"delimiters": ["*", "#"]}}, "keypad_end", "*"),
        ({"keypadInputPlan": {"delimiters": "7"}}, "keypad_end", "#"),
        ({"model": MODEL, "keypadInputPlan": {"enabled": False}}, "keypad_enabled", False),
        ({"keypadInputPlan": {"enabled": False}}, "keypad_enabled", True),  # a menu has only keys
        ({"artifactPlan": {"transcriptPlan": {"enabled": False}}}, "has_transcript", False),
        ({"transcriptPlan": {"userName": "Ann"}}, "user_name", "Ann"),  # the older place
        ({"artifactPlan": {"transcriptPlan": {"assistantName": "Bo"}}}, "assistant_name", "Bo"),
        ({"model": MODEL}, "keypad_seconds", 2.0),
        ({}, "keypad_seconds", 0.3),  # a menu's keys are single ones
        (
            {"messagePlan": {"idleMessages": ["There, {{name}}?"]}},
            "idle_messages",
            ("There, {{name}}?",),
        ),
        ({"messagePlan": {"idleMessages": "There?"}}, "idle_messages", ()),
        ({"stopSpeakingPlan": {"numWords": float("inf")}}, "stop.words", 10),
        ({"silenceTimeoutSeconds": 10**400}, "silence_seconds", 30.0),
        ({"messagePlan": {"idleTimeoutSeconds": 9}}, "idle_seconds", 9.0),
        ({"messagePlan": "x"}, "idle_messages", ()),  # not an object: as if absent
        ({"voicemailDetection": {"provider": "vapi"}}, "detects_voicemail", True),
        ({"voicemailDetection": {"provider": "twilio"}}, "detects_voicemail", False),  # it listens
        ({"voicemailDetection": "off"}, "detects_voicemail", False),
        ({"voicemailMessage": "Call me."}, "voicemail_message", "Call me."),
    ],
)
def test_field(assistant: dict[str, Any], field: str, value: Any) -> None:
    assert attrgetter(field)(read_config(assistant, {"name": "Ann"})) == value


@pytest.mark.parametrize(
    ("assistant", "first"),
    [
        ({"firstMessage": "Hi"}, FirstMessageMode.SPEAK),
        ({"firstMessage": "", "model": MODEL}, FirstMessageMode.WAIT),  # nothing to say
        ({"model": MODEL}, FirstMessageMode.WAIT),
        ({}, FirstMessageMode.GENERATE),  # the menu has a greeting
        (
            {"firstMessage": "Hi", "firstMessageMode": "assistant-waits-for-user"},
            FirstMessageMode.WAIT,
        ),
        (
            {"firstMessageMode": "assistant-speaks-first-with-model-generated-message"},
            FirstMessageMode.GENERATE,
        ),
        (
            {"firstMessage": "Hi", "firstMessageMode": "as you like"},
            FirstMessageMode.SPEAK,
        ),  # unknown: default
    ],
)
def test_who_speaks_first(assistant: dict[str, Any], first: FirstMessageMode) -> None:
    assert read_config(assistant, {}).first is first


def test_the_eras_prompt_is_a_system_message() -> None:
    made = read_config({"model": {**MODEL, "systemPrompt": "You are {{name}}."}}, {"name": "Ann"})
    assert list(made.messages) == [{"role": "system", "content": "You are Ann."}]
    assert made.model["messages"] == list(made.messages)


def test_a_prompt_does_not_double_a_system_message() -> None:
    messages = [{"role": "system", "content": "A"}, {"role": "assistant", "content": "B"}]
    made = read_config({"model": {**MODEL, "systemPrompt": "C", "messages": messages}}, {})
    assert list(made.messages) == messages
