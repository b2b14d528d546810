"""What of an assistant's behaviour can never work: it is refused with the assistant. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.assistant import endpointing, hooks, speech_text, transfer_places
from app.domain.assistant.fields import object_of
from providers.common.json_types import JsonObject


def behaviour_problems(assistant: JsonObject, path: str = "") -> Iterator[str]:
    """Sentences for a 400. ``path``: of the assistant within a client's body, with a dot."""
    for problem in endpointing.problems(assistant):
        yield path + problem
    for problem in hooks.problems(assistant):
        yield path + problem
    for problem in transfer_places.problems(assistant):
        yield path + problem
    for problem in speech_text.problems(object_of(assistant, "voice")):
        yield path + problem


def number_problems(number: JsonObject, path: str = "") -> Iterator[str]:
    """The same of a phone number, whose ``hooks`` are others than an assistant's."""
    for problem in transfer_places.problems(number):
        yield path + problem
