"""What the caller says that stops the speaking assistant."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.interruptions import parse


@pytest.mark.parametrize(
    ("given", "text", "stops"),
    [
        ({"numWords": 2}, "I think", True),
        ({"numWords": 2}, "Hello?", False),
        ({"numWords": 2}, "", False),
        ({"numWords": 5}, "Stop!", True),  # Vapi's phrases, whatever the number
        ({"numWords": 5}, "I don't think", True),  # dont
        ({"numWords": 1}, "Okay.", False),
        ({"numWords": 1}, "Yeah, okay, I see.", False),
        ({"numWords": 2}, "Uh-huh, mm-hmm.", False),
        ({"numWords": 2}, "Okay, what now", True),  # more than an acknowledgement
        ({"numWords": 2}, "okay but", True),  # an interruption wins
        ({"numWords": 1}, "another", True),  # 'not' is within, and is not the word
        ({}, "Okay.", False),  # by its words; a voice stops it before
        ({}, "Hello", True),
        ({"numWords": 3, "interruptionPhrases": ["hang on"]}, "Hang on", True),
        ({"numWords": 3, "interruptionPhrases": ["hang on"]}, "stop", False),  # replaced
        ({"numWords": 1, "acknowledgementPhrases": ["roger that"]}, "Roger, that!", False),
        ({"numWords": 1, "acknowledgementPhrases": []}, "okay", True),
        ({"numWords": 1, "acknowledgementPhrases": ["", "...", 3]}, "okay", True),
    ],
)
def test_interrupts(given: dict[str, Any], text: str, stops: bool) -> None:
    assert parse({"stopSpeakingPlan": given}).interrupts(text) is stops


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, 1.0), ({"backoffSeconds": 0}, 0.0), ({"backoffSeconds": 99}, 10.0)],
)
def test_backoff(given: dict[str, Any], seconds: float) -> None:
    assert parse({"stopSpeakingPlan": given}).backoff_seconds == seconds


def test_a_voice_interrupts_unless_words_are_counted() -> None:
    assert parse({}).by_voice
    assert not parse({"numWordsToInterruptAssistant": 2}).by_voice
