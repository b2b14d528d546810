"""A value that no reader takes is told, and one that Vapi takes is not."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.conversation import MIN_KEYPAD_SECONDS
from app.domain.assistant.field_check import Finding, check_fields
from app.domain.assistant.served_fields import ROWS, Fate
from app.domain.assistant.tool_parts import FIELDS
from app.domain.assistant.value_forms import (
    FLAG,
    FORMS,
    NUMBER,
    OBJECT,
    SERVER_MESSAGES,
    TEXT,
    Form,
)
from tests.routes.test_compatibility import vapi

__all__ = ["vapi"]

ANY: dict[str, list[Any]] = {
    FLAG: [True, False],
    NUMBER: [1, 0.5],
    TEXT: ["words"],
    OBJECT: [{}],
}
LISTS = {"messages", "destinations"}
"""Names of lists, in which a field's place has a number."""
TOOLS = "model.tools."
REFUSED = {
    "backgroundSound",
    "firstMessage",
    "maxDurationSeconds",
    "metadata",
    "name",
    "server",
    "serverMessages",
}
"""Checked with 400 when an assistant is stored."""
TRANSCRIPT = "startSpeakingPlan.transcriptionEndpointingPlan"
COUNTS_AS = {"startSpeakingPlan.smartEndpointingPlan.provider": "vapi"}
"""An unknown one is not as if there were none."""
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
"""Where each number with limits arrives."""


def right(form: Form) -> list[Any]:
    if form.choices:
        texts: list[Any] = [*form.choices]
        return [texts] if form.is_list else texts
    if form.limits:
        return [*form.limits]
    values = [value for kind in form.kinds for value in ANY[kind]]
    return [values] if form.is_list else values


def wrong(form: Form) -> list[Any]:
    others = [value for kind, values in ANY.items() for value in values if kind not in form.kinds]
    if form.is_list:
        return [7, "some words", {"a": 1}, *([value] for value in others)]
    return [*others, ["a", "b"], *(["not a word of it"] if form.choices else [])]


def nested(path: str, value: Any) -> dict[str, Any]:
    """The assistant with this value at the path."""
    name = path.rpartition(".")[2]
    if path in ("model.metadataSendMode", "model.timeoutSeconds"):
        return {"model": {"provider": "custom-llm", name: value}}
    if path.startswith(TOOLS):
        kinds = FIELDS.get(path.removeprefix(TOOLS).partition(".")[0], {"function"})
        tool = {"type": min(kinds), "url": "https://a.example", "function": {"name": "f"}}
        inner = below(path.removeprefix(TOOLS), value)
        return {"model": {"tools": [{**tool, **inner}]}}
    return below(path, value)


def below(path: str, value: Any) -> dict[str, Any]:
    parts = path.split(".")
    for depth in range(len(parts) - 1, -1, -1):
        is_list = depth < len(parts) - 1 and parts[depth] in LISTS
        inner = [value] if is_list else value
        value = {parts[depth]: inner}
    whole: dict[str, Any] = value
    return whole


def found_at(path: str, value: Any) -> list[Finding]:
    return [
        each
        for each in check_fields(nested(path, value))
        if each.wrong and each.path.replace(".0", "") == path
    ]


@pytest.mark.parametrize("path", FORMS)
def test_a_wrong_value_is_told_and_a_right_one_is_not(path: str) -> None:
    form = FORMS[path]
    for value in wrong(form):
        told = found_at(path, value)
        assert told, value
        assert all(each.fate is Fate.IGNORED and each.why for each in told), value
    for value in right(form):
        assert not found_at(path, value), value


@pytest.mark.parametrize("path", [path for path, form in FORMS.items() if form.limits])
def test_a_number_out_of_its_limits_counts_as_the_nearest(path: str) -> None:
    least, most = FORMS[path].limits or (0, 0)
    for value, nearest in ((most + 1, most), (10**400, most), (least - 1, least)):
        [told] = found_at(path, value)
        assert told.why.endswith(f": it counts as {nearest:g}")
        assert arrived(path, value) == pytest.approx(nearest, abs=MIN_KEYPAD_SECONDS)
    assert arrived(path, "soon") == arrived(path, None)


def arrived(path: str, value: Any) -> Any:
    found: Any = AssistantConfig(nested(path, value))
    for name in READ[path].split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("voice.chunkPlan.formatPlan.formattersEnabled", ["email", "emoji"]),
        ("serverMessages", ["transcript", "assistant.speechStarted"]),
    ],
)
def test_an_unknown_word_in_a_list_is_named(path: str, value: list[str]) -> None:
    [told] = found_at(path, value)
    assert repr(value[1]) in told.why


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
    [found] = check_fields(below(path, 1))
    assert (found.path, found.mistyped) == (path, True)
    assert meant in found.why


def parsed(assistant: dict[str, Any]) -> tuple[Any, ...]:
    config = AssistantConfig(assistant)
    return (
        config.conversation,
        config.voicemail,
        config.analysis,
        config.recording,
        config.line_sound,
        config.structured_outputs,
        config.hooks,
        config.keeps_no_record,
        config.may_be_listened_to,
        config.may_be_controlled,
        config.credential_ids,
    )


@pytest.mark.parametrize(
    "path", [path for path in FORMS if not path.startswith(("model", "voice"))]
)
def test_what_is_told_is_true(path: str) -> None:
    """The value has no effect: the plan of a call is the same without it."""
    holder, _, _ = path.rpartition(".")
    without = nested(holder, {}) if holder else {}
    if path in COUNTS_AS:
        without = nested(path, COUNTS_AS[path])
    for value in wrong(FORMS[path]):
        some = isinstance(value, list) and FORMS[path].is_list and value
        if not some:  # of a list what fits has its effect
            assert parsed(nested(path, value)) == parsed(without), value


def test_every_served_field_has_a_form(vapi: dict[str, Any]) -> None:
    """Those that Vapi's document has a plain type for."""
    schemas = vapi["components"]["schemas"] if vapi else {}
    kinds = {"boolean", "number", "array"}
    plain = {
        name
        for name, each in (schemas.get("CreateAssistantDTO") or {"properties": {}})[
            "properties"
        ].items()
        if each.get("type") in kinds or "enum" in each
    }
    served = {name for name in plain if name in ROWS and ROWS[name].fate is Fate.SERVED}
    assert served - FORMS.keys() - REFUSED == set()


def test_the_messages_are_vapis(vapi: dict[str, Any]) -> None:
    if vapi:
        items = vapi["components"]["schemas"]["CreateAssistantDTO"]["properties"]
        assert {*SERVER_MESSAGES} <= {*items["serverMessages"]["items"]["enum"]}
