"""The fields of an assistant's model, voices and transcriber that their vendors read."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.assistant.fields import object_of
from app.vendors import registry
from providers.common.json_types import JsonObject

MODEL, VOICE, TRANSCRIBER = "model", "voice", "transcriber"


def vendor_field_problems(assistant: JsonObject, path: str = "") -> Iterator[str]:
    """Why a vendor's connector would refuse them. Fields that it does not read are free.

    ``path``: of the assistant within a client's body, with a dot.
    """
    for stage, where, config in _parts(assistant):
        for name, problem in registry.field_problems(stage, config):
            yield f"{path}{where}.{name} {problem}"


def _parts(assistant: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """The stage, the path and the object of each."""
    for stage in (MODEL, TRANSCRIBER, VOICE):
        yield stage, stage, object_of(assistant, stage)
        for path, part in registry.fallback_parts(stage, object_of(assistant, stage)):
            yield stage, path, part
