"""How the model's text is cut and written out for the voice."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.line_sound import Denoising, LineSound
from app.domain.assistant.line_sound import parse as line_sound
from app.domain.assistant.speech_text import FORMATTERS, parse, problems


def formatting(*replacements: dict[str, Any]) -> dict[str, Any]:
    return {"chunkPlan": {"formatPlan": {"replacements": list(replacements)}}}


@pytest.mark.parametrize(
    ("replacement", "text", "spoken"),
    [
        ({"type": "exact", "key": "hi", "value": "hello"}, "hi, hi", "hello, hi"),
        (
            {"type": "exact", "key": "hi", "value": "hello", "replaceAllEnabled": True},
            "hi, hi",
            "hello, hello",
        ),
        ({"type": "regex", "regex": r"\d+", "value": "many"}, "1 and 22", "many and many"),
        ({"type": "regex", "regex": r"(\w)-(\w)", "value": "$2 $1 [$&]"}, "a-b", "b a [a-b]"),
        ({"type": "regex", "regex": "a", "value": "$7"}, "a", "a"),  # no such group
        ({"type": "regex", "regex": "a", "value": "\\n"}, "a", "\\n"),  # as JavaScript has it
        (
            {
                "type": "regex",
                "regex": "dr",
                "options": [{"type": "ignore-case", "enabled": True}],
                "value": "doctor",
            },
            "DR",
            "doctor",
        ),
        ({"type": "regex", "regex": "(", "value": ""}, "(", "("),  # stored before the check
    ],
)
def test_replacement(replacement: dict[str, Any], text: str, spoken: str) -> None:
    assert parse(formatting(replacement)).replaced(text) == spoken


@pytest.mark.parametrize(
    ("replacement", "problem"),
    [
        ({"type": "exact", "value": ""}, "key is missing"),
        ({"type": "other"}, "type must be exact or regex"),
        ({"type": "regex", "regex": "(a*)*", "value": ""}, "regex may take too long"),
    ],
)
def test_a_replacement_that_never_works_is_told(replacement: dict[str, Any], problem: str) -> None:
    [told] = problems(formatting(replacement))
    assert told.startswith(f"voice.chunkPlan.formatPlan.replacements.0.{problem}")


@pytest.mark.parametrize(
    ("plan", "characters", "boundaries", "formatters"),
    [
        (None, 0, (), frozenset()),
        ({}, 0, (), frozenset()),
        ({"minCharacters": 10}, 10, (), frozenset()),
        ({"minCharacters": 999}, 80, (), frozenset()),
        ({"punctuationBoundaries": [","]}, 30, (",",), frozenset()),
        ({"enabled": False, "minCharacters": 10}, 0, (), frozenset()),
        ({"formatPlan": {"enabled": True}}, 0, (), FORMATTERS),
        ({"formatPlan": {"enabled": False}}, 0, (), frozenset()),
        ({"formatPlan": {"formattersEnabled": ["email", "x"]}}, 0, (), frozenset({"email"})),
    ],
)
def test_plan(
    plan: Any, characters: int, boundaries: tuple[str, ...], formatters: frozenset[str]
) -> None:
    made = parse({"chunkPlan": plan})
    assert (made.min_characters, made.boundaries, made.formatters) == (
        characters,
        boundaries,
        formatters,
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"inputPreprocessingEnabled": False}, {"enabled": False, "minCharacters": 10}),
        ({"inputMinCharacters": 10}, {"minCharacters": 10}),
        ({"inputPunctuationBoundaries": [","]}, {"punctuationBoundaries": [","]}),
        ({"inputReformattingEnabled": True}, {"formatPlan": {"enabled": True}}),
    ],
    ids=str,
)
def test_the_older_fields_of_a_voice_are_those_of_the_plan(
    older: dict[str, Any], newer: dict[str, Any]
) -> None:
    assert parse(older) == parse({"chunkPlan": newer})
    assert parse({**older, "chunkPlan": {"enabled": False}}) == parse({})


@pytest.mark.parametrize(
    ("assistant", "expected"),
    [
        ({}, LineSound()),
        ({"backgroundSound": "office"}, LineSound("office")),
        ({"backgroundSound": None}, LineSound("off")),
        ({"backgroundDenoisingEnabled": True}, LineSound(denoising=Denoising.SMART)),
        (
            {"backgroundSpeechDenoisingPlan": {"smartDenoisingPlan": {}}},
            LineSound(denoising=Denoising.SMART),
        ),
        (
            {"backgroundSpeechDenoisingPlan": {"smartDenoisingPlan": {"enabled": False}}},
            LineSound(),
        ),
        (
            {"backgroundSpeechDenoisingPlan": {"fourierDenoisingPlan": {"enabled": True}}},
            LineSound(denoising=Denoising.STRONG),
        ),
        ({"backgroundSpeechDenoisingPlan": {"fourierDenoisingPlan": {}}}, LineSound()),
    ],
)
def test_line_sound(assistant: dict[str, Any], expected: LineSound) -> None:
    assert line_sound(assistant) == expected
