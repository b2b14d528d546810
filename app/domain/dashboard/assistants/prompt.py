"""The system prompt: the first message of ``role: system``, or the older ``systemPrompt``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.assistant.fields import Json, list_of, object_of, text_of
from app.domain.dashboard.assistants.paths import value_at, with_value, without
from providers.common.json_types import JsonDict

MESSAGES, OLDER = "model.messages", "model.systemPrompt"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A kind of field, as those of ``kinds.py``."""

    def shown(self, assistant: Json) -> list[str]:
        model = object_of(assistant, "model")
        found = _place(assistant)
        if found is None:
            return [text_of(model, "systemPrompt")]
        message = list_of(model, "messages")[found]
        return [text_of(message, "content") if isinstance(message, Mapping) else ""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        text, found = given[0], _place(assistant)
        messages = list_of(object_of(assistant, "model"), "messages")
        if found is None and isinstance(value_at(assistant, OLDER), str):
            return with_value(assistant, OLDER, text) if text else without(assistant, OLDER)
        if found is None:
            new: list[object] = [{"role": "system", "content": text}, *messages]
            return with_value(assistant, MESSAGES, new)
        before, after = messages[:found], messages[found + 1 :]
        message = messages[found]
        own = {**message, "content": text} if isinstance(message, Mapping) else {}
        left = [*before, *([own] if text else []), *after]
        return with_value(assistant, MESSAGES, left) if left else without(assistant, MESSAGES)


def _place(assistant: Json) -> int | None:
    messages = list_of(object_of(assistant, "model"), "messages")
    roles = (each.get("role") if isinstance(each, Mapping) else None for each in messages)
    return next((place for place, role in enumerate(roles) if role == "system"), None)
