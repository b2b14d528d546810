"""A value that cannot be followed is told, and counts as the warning says."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.conversation import MIN_KEYPAD_SECONDS
from app.domain.assistant.field_check import check_fields
from app.domain.assistant.served_fields import ROWS
from app.domain.assistant.told import sentences
from app.domain.assistant.values import CHOICES, LIMITS, LISTED, SWITCHES

TRANSCRIPT = "startSpeakingPlan.transcriptionEndpointingPlan"

READ = {
    "keypadInputPlan.timeoutSeconds": "conversation.keypad_seconds",
    f"{TRANSCRIPT}.onNoPunctuationSeconds": "conversation.start.by_transcript.no_punctuation",
    f"{TRANSCRIPT}.onNumberSeconds": "conversation.start.by_transcript.number",
    f"{TRANSCRIPT}.onPunctuationSeconds": "conversation.start.by_transcript.punctuation",
    "startSpeakingPlan.waitSeconds": "conversation.start.wait_seconds",
    "stopSpeakingPlan.backoffSeconds": "conversation.stop.backoff_seconds",
    "stopSpeakingPlan.numWords": "conversation.stop.words",
    "stopSpeakingPlan.voiceSeconds": "conversation.stop.voice_seconds",
    "voice.chunkPlan.minCharacters": "speech_text.min_characters",
}
"""Where each number arrives."""


def at(path: str, value: Any) -> dict[str, Any]:
    """An assistant with this value at a path of objects."""
    name, _, rest = path.partition(".")
    return {name: at(rest, value) if rest else value}


def read(assistant: dict[str, Any], path: str) -> Any:
    found: Any = AssistantConfig(assistant)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def told(assistant: dict[str, Any]) -> dict[str, str]:
    found = check_fields(assistant)
    return {each.path: each.why for each in found if each.why.startswith("must be ")}


def test_every_path_has_a_row() -> None:
    for path in (*LIMITS, *CHOICES, *SWITCHES, *LISTED):
        assert path in ROWS, path


@pytest.mark.parametrize("path", LIMITS)
def test_a_number_out_of_its_limits_counts_as_the_nearest(path: str) -> None:
    least, most = LIMITS[path]
    for value, nearest in ((most + 1, most), (10**400, most), (least - 1, least)):
        assistant = at(path, value)
        assert told(assistant)[path].endswith(f"; it counts as {nearest:g}")
        assert read(assistant, READ[path]) == pytest.approx(nearest, abs=MIN_KEYPAD_SECONDS)
    for within in (least, most):
        assert not told(at(path, within))
    assert path in told(at(path, "soon"))
    assert read(at(path, "soon"), READ[path]) == read(at(path, None), READ[path])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("firstMessageMode", "assistant-speaks"),
        ("keypadInputPlan.delimiters", "0"),
        ("keypadInputPlan.delimiters", ["#", "0"]),
        ("startSpeakingPlan.smartEndpointingPlan.provider", "krisp"),
        ("compliancePlan.hipaaEnabled", "true"),
        ("monitorPlan.controlEnabled", "false"),
    ],
)
def test_a_value_of_none_of_the_allowed_ones(path: str, value: Any) -> None:
    assert path in told(at(path, value))
    [sentence, *_] = sentences(check_fields(at(path, value)))
    assert sentence.startswith(f"mistyped: {path}: must be ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("firstMessageMode", None),
        ("keypadInputPlan.delimiters", ["#", "*"]),
        ("keypadInputPlan.delimiters", ""),
        ("keypadInputPlan.delimiters", []),
        ("compliancePlan.hipaaEnabled", False),
        ("voice.chunkPlan.formatPlan.formattersEnabled", ["email"]),
        ("serverMessages", ["transcript", "status-update"]),
    ],
)
def test_a_value_that_is_followed(path: str, value: Any) -> None:
    assert told(at(path, value)) == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("voice.chunkPlan.formatPlan.formattersEnabled", ["email", "emoji"]),
        ("serverMessages", ["transcript", "assistant.speechStarted"]),
    ],
)
def test_an_entry_of_a_list(path: str, value: Any) -> None:
    assert [*told(at(path, value))] == [f"{path}.1"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{TRANSCRIPT}.onPunctuationSecond", "onPunctuationSeconds"),
        ("artifactPlan.transcriptPlan.userNam", "userName"),
        ("backgroundSpeechDenoisingPlan.smartDenoisingPlan.enable", "enabled"),
        ("startSpeakingPlan.smartEndpointingPlan.waitFuncton", "waitFunction"),
        ("voice.chunkPlan.formatPlan.replacement", "replacements"),
    ],
)
def test_a_mistyped_name_within_a_plan(path: str, meant: str) -> None:
    [found] = check_fields(at(path, 1))
    assert (found.path, found.mistyped) == (path, True)
    assert meant in found.why
