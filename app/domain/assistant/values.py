"""Values of an assistant's fields that this program cannot follow, with what it does instead. Pure.

Vapi refuses them. Here they are told and taken, because older versions have stored them. A number
out of its limits counts as the nearest one. Any other value counts as if the field were absent.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.assistant.conversation import DELIMITERS, KEYPAD_LIMITS, FirstMessageMode
from app.domain.assistant.endpointing import TRANSCRIPT_LIMITS, WAIT_LIMITS, Smart
from app.domain.assistant.fields import Json, Limits, list_of
from app.domain.assistant.interruptions import BACKOFF_LIMITS, VOICE_LIMITS, WORDS_LIMITS
from app.domain.assistant.speech_text import CHARACTERS, FORMATTERS

LIMITS: Mapping[str, Limits] = {
    "keypadInputPlan.timeoutSeconds": KEYPAD_LIMITS,
    "startSpeakingPlan.transcriptionEndpointingPlan.onNoPunctuationSeconds": TRANSCRIPT_LIMITS,
    "startSpeakingPlan.transcriptionEndpointingPlan.onNumberSeconds": TRANSCRIPT_LIMITS,
    "startSpeakingPlan.transcriptionEndpointingPlan.onPunctuationSeconds": TRANSCRIPT_LIMITS,
    "startSpeakingPlan.waitSeconds": WAIT_LIMITS,
    "stopSpeakingPlan.backoffSeconds": BACKOFF_LIMITS,
    "stopSpeakingPlan.numWords": WORDS_LIMITS,
    "stopSpeakingPlan.voiceSeconds": VOICE_LIMITS,
    "voice.chunkPlan.minCharacters": CHARACTERS,
}
"""Least and most of numbers."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "firstMessageMode": tuple(mode.value for mode in FirstMessageMode),
    "keypadInputPlan.delimiters": DELIMITERS,
    "startSpeakingPlan.smartEndpointingPlan.provider": tuple(s.value for s in Smart if s.value),
}
"""Texts with few values. Vapi has lists of delimiters, too."""

SWITCHES = frozenset(
    {
        "artifactPlan.recordingEnabled",
        "artifactPlan.transcriptPlan.enabled",
        "backgroundDenoisingEnabled",
        "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.enabled",
        "backgroundSpeechDenoisingPlan.smartDenoisingPlan.enabled",
        "compliancePlan.hipaaEnabled",
        "compliancePlan.pciEnabled",
        "firstMessageInterruptionsEnabled",
        "hipaaEnabled",
        "keypadInputPlan.enabled",
        "monitorPlan.controlEnabled",
        "monitorPlan.listenEnabled",
        "recordingEnabled",
        "voice.chunkPlan.enabled",
        "voice.chunkPlan.formatPlan.enabled",
    }
)
"""Fields that are ``true`` or ``false``."""

LISTED: Mapping[str, frozenset[str]] = {
    "voice.chunkPlan.formatPlan.formattersEnabled": FORMATTERS,
}
"""Lists, and the texts that they may have."""

NEVER_SENT = frozenset(
    {
        "assistant.speechStarted",
        "call.delete.failed",
        "call.deleted",
        "chat.created",
        "chat.deleted",
        "language-change-detected",
        "language-changed",
        "session.created",
        "session.deleted",
        "session.updated",
    }
)
"""Vapi's types of server messages that this program has no event for."""


def strange_values(assistant: Json) -> Iterator[tuple[str, str]]:
    """Paths of such values, and why."""
    for path, limits in LIMITS.items():
        yield from ((path, why) for why in _number(_at(assistant, path), limits))
    for path, choices in CHOICES.items():
        yield from ((path, why) for why in _choice(_at(assistant, path), choices))
    for path in sorted(SWITCHES):
        if not isinstance(_at(assistant, path), bool | None):
            yield path, "must be true or false"
    for path, allowed in LISTED.items():
        given = _at(assistant, path)
        for number, each in enumerate(given if isinstance(given, list) else []):
            if each not in allowed:
                yield f"{path}.{number}", f"must be one of {', '.join(sorted(allowed))}"
    for number, each in enumerate(list_of(assistant, "serverMessages")):
        if each in NEVER_SENT:
            yield f"serverMessages.{number}", "must be a type that is sent here"


def _number(given: object, limits: Limits) -> Iterator[str]:
    least, most = limits
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, int | float):
        yield f"must be a number from {least:g} to {most:g}"
    elif not least <= given <= most:
        nearest = least if given < least else most
        yield f"must be from {least:g} to {most:g}; it counts as {nearest:g}"


def _choice(given: object, choices: tuple[str, ...]) -> Iterator[str]:
    if given is None or given == [] or (isinstance(given, str) and given in choices):
        return
    if not (isinstance(given, list) and all(each in choices for each in given)):
        yield f"must be one of {', '.join(map(repr, choices))}"


def _at(assistant: Json, path: str) -> object:
    """The value at a path of objects; None: there is none."""
    inner: object = assistant
    for name in path.split("."):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner
