"""The form of an assistant: its usual fields, over a JSON that may hold any others. Pure.

An input that shows what the JSON holds changes nothing. So fields that the form does not know,
and values that it cannot show, are never lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.assistant.fields import Json
from app.domain.dashboard.assistants.kinds import (
    EndCall,
    FieldProblem,
    Flag,
    Ids,
    Kind,
    Lines,
    Number,
    Secret,
    Text,
)
from app.domain.dashboard.assistants.prompt import MESSAGES, OLDER, Prompt
from app.domain.dashboard.assistants.transfers import Transfers
from providers.common.json_types import JsonDict

Given = Mapping[str, Sequence[str]]
"""Names of inputs -> their texts, as a browser sends them."""
Values = Mapping[str, Sequence[str]]
"""Names of inputs -> the texts that they show."""
Options = tuple[tuple[str, str], ...]
DESTINATIONS = "destinations"
CHECKBOXES = (Ids, EndCall)
"""Kinds whose inputs are not sent when none is checked."""


@dataclass(frozen=True, slots=True)
class FormField:
    """``name``: of its inputs, and the path that a sentence about it begins with."""

    name: str
    label: str
    kind: Kind
    input: str = "text"
    """``text``, ``area``, ``select``, ``password``, ``checkbox``, ``ids``, ``destinations``."""
    hint: str = ""
    options: Options = ()
    placeholder: str = ""
    judged: tuple[str, ...] = ()
    """Paths whose findings are shown beside it; empty: those of the kind."""

    @property
    def paths(self) -> tuple[str, ...]:
        return self.judged or tuple(getattr(self.kind, "paths", (self.name,)))


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one title."""

    title: str
    fields: tuple[FormField, ...]
    hint: str = ""


class Applied(NamedTuple):
    """The assistant after the form, and a sentence for each field that could not be read."""

    assistant: JsonDict
    problems: dict[str, str]


def _text(name: str, label: str, *older: str, **more: str) -> FormField:
    return FormField(name, label, Text((name, *older)), **more)  # type: ignore[arg-type]


def _area(name: str, label: str, hint: str = "") -> FormField:
    return FormField(name, label, Text((name,), is_long=True), "area", hint)


def _number(name: str, label: str, default: str, hint: str = "") -> FormField:
    return FormField(name, label, Number((name,)), hint=hint, placeholder=default)


def _provider(stage: str, label: str) -> FormField:
    path = f"{stage}.provider"
    return FormField(path, label, Text((path,)), "select", judged=(path, stage))


MODES: Options = (
    ("", "as usual: the assistant"),
    ("assistant-speaks-first", "the assistant"),
    ("assistant-waits-for-user", "the caller"),
    ("assistant-speaks-first-with-model-generated-message", "the assistant, by its model"),
)
RECORDING: Options = (("", "as usual: recorded here"), ("true", "yes"), ("false", "no"))

GROUPS: tuple[Group, ...] = (
    Group(
        "What it says",
        (
            _text("name", "Name", hint="At most 40 characters."),
            FormField(
                "firstMessageMode",
                "Who speaks first",
                Text(("firstMessageMode",)),
                "select",
                options=MODES,
            ),
            _area("firstMessage", "First message", "Spoken when the call is up."),
            FormField(
                "model.messages",
                "System prompt",
                Prompt(),
                "area",
                "What the model is told before the conversation. {{name}} is filled by variableValues.",
                judged=(MESSAGES, OLDER),
            ),
        ),
    ),
    Group(
        "Model",
        (
            _provider("model", "Provider of the model"),
            _text("model.model", "Model"),
            _number("model.temperature", "Temperature", "0.5"),
            _number("model.maxTokens", "Longest answer in tokens", "250"),
        ),
        "Without a provider the caller follows a keypad menu.",
    ),
    Group(
        "Voice",
        (
            _provider("voice", "Provider of the voice"),
            _text("voice.voiceId", "Voice", hint="The provider's id or name of it."),
            _text("voice.model", "Model of the voice"),
            _number("voice.speed", "Speed", "1"),
        ),
        "Without a provider the embedded voice speaks.",
    ),
    Group(
        "Transcriber",
        (
            _provider("transcriber", "Provider of the transcriber"),
            _text("transcriber.model", "Model of the transcriber"),
            _text("transcriber.language", "Language", hint="Such as en, de or en-US."),
        ),
    ),
    Group(
        "Tools",
        (
            FormField(
                "model.toolIds", "Tools of this organisation", Ids(("model.toolIds",)), "ids"
            ),
            FormField(
                "endCall",
                "The assistant may end the call",
                EndCall(),
                "checkbox",
                judged=("endCallFunctionEnabled",),
            ),
            FormField(
                DESTINATIONS,
                "Where it may transfer the caller",
                Transfers(),
                DESTINATIONS,
                "Clear an address to remove it.",
                judged=("model.tools",),
            ),
        ),
    ),
    Group(
        "Your server",
        (
            _text("server.url", "Server URL", "serverUrl", hint="Gets the server messages."),
            FormField(
                "server.secret",
                "Secret for it",
                Secret(("server.secret",)),
                "password",
                "Sent as X-Vapi-Secret, stored sealed, never shown.",
                judged=("server.secret", "serverUrlSecret"),
            ),
            _number("server.timeoutSeconds", "Seconds to answer", "20"),
        ),
    ),
    Group(
        "The end of the call",
        (
            _area("endCallMessage", "Last words", "Spoken before the assistant hangs up."),
            FormField(
                "endCallPhrases",
                "Phrases that end the call",
                Lines(("endCallPhrases",)),
                "area",
                "One a line. When the assistant says one, it hangs up.",
            ),
            _number("maxDurationSeconds", "Longest call in seconds", "600", "10 to 43200."),
            _number("silenceTimeoutSeconds", "Silence that ends it, in seconds", "30"),
        ),
    ),
    Group(
        "Recording and voicemail",
        (
            FormField(
                "artifactPlan.recordingEnabled",
                "Recording",
                Flag(("artifactPlan.recordingEnabled", "recordingEnabled")),
                "select",
                options=RECORDING,
            ),
            FormField(
                "voicemailDetection.provider",
                "Who notices an answering machine",
                Text(("voicemailDetection.provider",)),
                "select",
                "For calls that we dial.",
                judged=("voicemailDetection", "voicemailDetectionEnabled"),
            ),
            _area("voicemailMessage", "Message for it", "Left after the machine's greeting."),
        ),
    ),
)
FIELDS = tuple(each for group in GROUPS for each in group.fields)
BY_NAME: Mapping[str, FormField] = {each.name: each for each in FIELDS}


def values(assistant: Json) -> Values:
    """What the inputs show of this assistant."""
    return {each.name: each.kind.shown(assistant) for each in FIELDS}


def given_values(given: Given) -> Values:
    """What a browser sent, to be shown again."""
    return {each.name: [_as_sent(text) for text in given.get(each.name, ())] for each in FIELDS}


def applied(assistant: Json, given: Given) -> Applied:
    """The assistant with what the form changes in it."""
    made, problems = dict(assistant), dict[str, str]()
    for each in FIELDS:
        texts = given.get(each.name)
        if texts is None and not isinstance(each.kind, CHECKBOXES):
            continue
        sent = [_as_sent(text) for text in texts or ()]
        if [_shape(each, text) for text in sent] == _shapes(each, assistant):
            continue
        try:
            made = each.kind.changed(made, sent)
        except FieldProblem as problem:
            problems[each.name] = f"{each.label}: {problem}"
    return Applied(made, problems)


def _shapes(each: FormField, assistant: Json) -> list[str]:
    return [_shape(each, _as_sent(text)) for text in each.kind.shown(assistant)]


def _as_sent(text: str) -> str:
    """Browsers send the end of each line as two characters."""
    return re.sub(r"\r\n?", "\n", text)


def _shape(each: FormField, text: str) -> str:
    """As an input of one line holds it."""
    return text if each.input == "area" else text.replace("\n", "")
