"""What of an assistant's behaviour can never work, and what has no effect here. Pure.

Both are told when an assistant is stored: what never works is refused, what has no effect is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.assistant import endpointing, hooks, speech_text
from app.domain.assistant.fields import object_of
from providers.common.json_types import JsonObject

NO_EFFECT: Mapping[str, str] = {
    "backchannelingEnabled": "the assistant never murmurs while the caller speaks",
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.mediaDetectionEnabled": "one method is built in",
    "monitorPlan.controlAuthenticationEnabled": "the URL has a token of its own",
    "monitorPlan.listenAuthenticationEnabled": "the URL has a token of its own",
    "voice.cachingEnabled": "no audio is kept, each sentence is spoken anew",
    "voice.inputPreprocessingEnabled": "`voice.chunkPlan` replaced it",
}
"""Fields that are stored and change nothing, each with the reason."""


def behaviour_problems(assistant: JsonObject, path: str = "") -> Iterator[str]:
    """Sentences for a 400. ``path``: of the assistant within a client's body, with a dot."""
    for problem in endpointing.problems(assistant):
        yield path + problem
    for problem in hooks.problems(assistant):
        yield path + problem
    for problem in speech_text.problems(object_of(assistant, "voice")):
        yield path + problem


def without_effect(assistant: JsonObject) -> Iterator[str]:
    """Sentences about what is kept and changes nothing."""
    for name, reason in NO_EFFECT.items():
        if _given(assistant, name):
            yield f"{name} has no effect: {reason}"
    for problem in hooks.without_effect(assistant):
        yield f"{problem}"


def _given(assistant: JsonObject, path: str) -> bool:
    *holders, name = path.split(".")
    for each in holders:
        assistant = object_of(assistant, each)
    return bool(assistant.get(name))
