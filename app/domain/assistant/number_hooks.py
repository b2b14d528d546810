"""``hooks`` of a phone number: what happens to a caller without an assistant. Pure.

``routes/schemas/number_hooks.py`` has checked their shape.
https://docs.vapi.ai/phone-numbers/phone-number-hooks
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple

from app.domain.assistant.fields import Json, list_of, object_of, objects_of, text_of, texts_of
from providers.events import EndedReason


class Moment(StrEnum):
    """When a hook triggers: its ``on``."""

    RINGING = "call.ringing"
    """A leg arrives at the number."""
    ENDING = "call.ending"
    """The server's reply to ``assistant-request`` gives the leg no assistant."""


class ActionType(StrEnum):
    """``type`` of an action."""

    SAY = "say"
    TRANSFER = "transfer"


class Action(NamedTuple):
    """What a hook does with the leg: it speaks, or it has a destination."""

    path: str
    type: ActionType
    words: str
    destination: Json


UNTOLD_ERRORS = ("assistant-request-failed", "assistant-request-returned-unspeakable-error")
"""Vapi's words for an error without a text for the caller. Here they share one reason."""
FORWARDED = EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER
FILTERED_REASONS = (
    *UNTOLD_ERRORS,
    EndedReason.ASSISTANT_REQUEST_RETURNED_ERROR,
    EndedReason.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT,
    EndedReason.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT,
    FORWARDED,
)
"""What ``oneOf`` of a filter may hold."""


def ringing(number: Json, caller: str | None) -> Action | None:
    """The action for a leg of this caller (E.164, or None): of the first hook that is for it."""
    digits = (caller or "").removeprefix("+")

    def matches(given: Json) -> bool:
        return any(digits.startswith(each) for each in texts_of(given, "startsWith"))

    for path, hook in _hooks(number, Moment.RINGING):
        if all(matches(each) for each in objects_of(hook, "filters")):
            return _action(path, hook)
    return None


def ending(number: Json, reasons: Collection[str]) -> Action | None:
    """The action for a leg that got no assistant. ``reasons``: why, in all words for it.

    Without any the server was not asked, and no hook is for the leg.
    """
    if not reasons:
        return None
    for path, hook in _hooks(number, Moment.ENDING):
        filters = objects_of(hook, "filters")
        if all(set(texts_of(each, "oneOf")).intersection(reasons) for each in filters):
            return _action(path, hook)
    return None


def actions(number: Json) -> Iterator[tuple[Json, Action]]:
    """The hooks that do something, each with what it does."""
    for moment in Moment:
        for path, hook in _hooks(number, moment):
            if action := _action(path, hook):
                yield hook, action


def places(number: Json) -> Iterator[tuple[str, Json]]:
    """The destinations of the hooks, with their paths."""
    for _, action in actions(number):
        if action.destination:
            yield f"{action.path}.destination", action.destination


def without_effect(number: Json) -> Iterator[tuple[str, str]]:
    """What is kept and has no effect, as paths and reasons."""
    for path, hook in _hooks(number, Moment.RINGING):
        for place in range(1, len(list_of(hook, "do"))):
            yield f"{path}.do.{place}", "only the first action is executed"
    for path, hook in _hooks(number, Moment.ENDING):
        for place, each in enumerate(objects_of(hook, "filters")):
            if FORWARDED in texts_of(each, "oneOf"):
                yield f"{path}.filters.{place}.oneOf", f"{FORWARDED}: the leg has left by then"


def _hooks(number: Json, moment: Moment) -> Iterator[tuple[str, Json]]:
    for place, hook in enumerate(objects_of(number, "hooks")):
        if text_of(hook, "on") == moment:
            yield f"hooks.{place}", hook


def _action(path: str, hook: Json) -> Action | None:
    """The first action: a list has several, an object is the one."""
    many = objects_of(hook, "do")
    given, at = (many[0], f"{path}.do.0") if many else (object_of(hook, "do"), f"{path}.do")
    if not given:
        return None
    type_ = ActionType(text_of(given, "type"))
    return Action(at, type_, text_of(given, "exact"), object_of(given, "destination"))
