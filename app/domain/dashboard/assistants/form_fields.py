"""The usual fields of an assistant, as the form shows them: a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.dashboard.assistants.kinds import (
    EndCall,
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

Options = tuple[tuple[str, str], ...]
DESTINATIONS = "destinations"


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
