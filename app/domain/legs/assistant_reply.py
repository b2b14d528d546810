"""The reply to ``assistant-request``: what the client's server has chosen. Pure.

https://docs.vapi.ai/server-url/events#assistant-request
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.context import Reply
from app.domain.legs.no_assistant import Refusal
from providers.common import foreign_json
from providers.common.json_types import JsonObject
from providers.events import EndedReason

MAX_SPOKEN = 1000
"""Characters of an ``error``, which the caller hears."""

NO_ASSISTANT = EndedReason.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT
INVALID = EndedReason.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT
ERROR = EndedReason.ASSISTANT_REQUEST_RETURNED_ERROR


@dataclass(frozen=True, slots=True)
class ChosenDestination:
    """The reply has a destination."""

    destination: JsonObject


@dataclass(frozen=True, slots=True)
class ChosenAssistant:
    """The reply has an assistant, or the id of a stored one."""

    assistant_id: str | None
    assistant: JsonObject = field(default_factory=dict)
    overrides: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChosenMembers:
    """The reply has a squad, or the id of a stored one."""

    squad_id: str | None
    squad: JsonObject = field(default_factory=dict)
    overrides: JsonObject = field(default_factory=dict)
    """``assistantOverrides``, for every member."""
    squad_overrides: JsonObject = field(default_factory=dict)


Verdict = Refusal | ChosenDestination | ChosenAssistant | ChosenMembers


def judge(reply: Reply) -> Verdict:
    """Read a reply. Of several fields the first one of ``READERS`` counts."""
    if reply.error is not None:
        return Refusal(ERROR, reply.error)
    try:
        body = foreign_json.parse(reply.body) if reply.body.strip() else {}
    except ValueError as error:
        return Refusal(INVALID, f"the reply is not JSON: {error}"[:200])
    if not isinstance(body, dict):
        return Refusal(INVALID, "the reply is not a JSON object")
    given = {name: value for name, value in body.items() if value not in (None, "")}
    return next(
        (read(given) for name, read in READERS.items() if name in given),
        Refusal(NO_ASSISTANT, "the reply names no assistant"),
    )


def _error(given: JsonObject) -> Refusal:
    text = given["error"]
    if not isinstance(text, str) or not text.strip():
        return Refusal(ERROR, "error is not a text")
    return Refusal(ERROR, text[:MAX_SPOKEN], spoken=text[:MAX_SPOKEN])


def _destination(given: JsonObject) -> Refusal | ChosenDestination:
    found = given["destination"]
    return ChosenDestination(found) if isinstance(found, dict) else _wrong("destination")


def _assistant_id(given: JsonObject) -> Refusal | ChosenAssistant:
    found = given["assistantId"]
    if not isinstance(found, str):
        return _wrong("assistantId")
    return _with_overrides(given, ChosenAssistant(found.lower()[:100]))


def _assistant(given: JsonObject) -> Refusal | ChosenAssistant:
    found = given["assistant"]
    if not isinstance(found, dict):
        return _wrong("assistant")
    return _with_overrides(given, ChosenAssistant(None, found))


def _with_overrides(given: JsonObject, chosen: ChosenAssistant) -> Refusal | ChosenAssistant:
    overrides = given.get("assistantOverrides", {})
    if not isinstance(overrides, dict):
        return _wrong("assistantOverrides")
    return ChosenAssistant(chosen.assistant_id, chosen.assistant, overrides)


def _squad_id(given: JsonObject) -> Refusal | ChosenMembers:
    found = given["squadId"]
    if not isinstance(found, str):
        return _wrong("squadId")
    return _members(given, ChosenMembers(found.lower()[:100]))


def _squad(given: JsonObject) -> Refusal | ChosenMembers:
    found = given["squad"]
    members = found.get("members") if isinstance(found, dict) else None
    if not isinstance(members, list) or not all(map(_is_member, members)) or not members:
        return _wrong("squad")
    return _members(given, ChosenMembers(None, found))


def _is_member(given: object) -> bool:
    if not isinstance(given, dict):
        return False
    return isinstance(given.get("assistantId"), str) or isinstance(given.get("assistant"), dict)


def _members(given: JsonObject, chosen: ChosenMembers) -> Refusal | ChosenMembers:
    names = ("assistantOverrides", "squadOverrides")
    for name in names:
        if not isinstance(given.get(name, {}), dict):
            return _wrong(name)
    own, shared = (given.get(name, {}) for name in names)
    return replace(chosen, overrides=own, squad_overrides=shared)


def _wrong(name: str) -> Refusal:
    return Refusal(INVALID, f"{name} is not valid")


READERS: Mapping[str, Callable[[JsonObject], Verdict]] = {
    "error": _error,
    "destination": _destination,
    "assistantId": _assistant_id,
    "assistant": _assistant,
    "squadId": _squad_id,
    "squad": _squad,
}
"""The readers of a reply's fields, in their order of precedence."""
