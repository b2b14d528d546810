"""``hooks``: actions at moments of a call. Parsed, and checked before they are stored. Pure.

Vapi skips a hook that is not valid without a word. Here it is refused with its reason.
https://docs.vapi.ai/assistants/assistant-hooks
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from app.domain.assistant.fields import (
    Json,
    count_of,
    list_of,
    number_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)


class Moment(Enum):
    """When a hook triggers: its ``on``."""

    CALL_ENDING = "call.ending"
    ASSISTANT_INTERRUPTED = "assistant.speech.interrupted"
    CUSTOMER_INTERRUPTED = "customer.speech.interrupted"
    CUSTOMER_SILENT = "customer.speech.timeout"
    TIME_ELAPSED = "call.timeElapsed"


SILENT = re.compile(r"customer\.speech\.timeout(\[[^\]]{0,200}\])?")
"""The moment may name properties: ``customer.speech.timeout[timeoutSeconds=5]``."""
PROPERTY = re.compile(r"\s*(\w+)\s*=\s*([^,\]]+)")
ELSEWHERE = {
    "session.created": "chats have it, calls have none",
    "call.ringing": "phone numbers have it, assistants have none",
    "model.response.timeout": "a model that is too slow ends the call, or `fallbackModels` answer",
    "assistant.transcriber.endpointedSpeechLowConfidence": "words have no confidence here",
}
"""Other hooks of Vapi's, with the reason why an assistant's call never triggers them."""
MAX_HOOKS = 30
MAX_ACTIONS = 10
TIMEOUT_SECONDS, MAX_COUNT = 7.5, 3
"""Defaults of ``customer.speech.timeout``."""
TIMEOUTS, COUNTS = (1.0, 1000.0), (1, 10)
"""Least and most of both."""
ELAPSED = (1.0, 43200.0)
"""Least and most ``seconds`` of ``call.timeElapsed``: as long as a call may last."""
ON_USER_SPEECH = "onUserSpeech"
MCP = "mcp"
"""A type of tool that only a model calls."""
OPTIONS = frozenset({"seconds", "timeoutSeconds", "triggerMaxCount", "triggerResetMode"})
ROLES = ("assistant", "system", "user")
FILTER_KEY = "call.endedReason"


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook. ``actions`` are as the client sent them, each with a known ``type``."""

    moment: Moment
    actions: tuple[Json, ...]
    reasons: tuple[frozenset[str], ...] = ()
    """``filters``: each set has to hold the call's ``endedReason``."""
    seconds: float = TIMEOUT_SECONDS
    """Silence of the caller after which it triggers; of ``TIME_ELAPSED``: the call's age."""
    count: int = MAX_COUNT
    """How often it triggers."""
    starts_again: bool = False
    """Whether ``count`` starts again when the caller speaks."""

    def is_for(self, ended_reason: str) -> bool:
        return all(ended_reason in reasons for reasons in self.reasons)


def parse(assistant: Json) -> tuple[Hook, ...]:
    """The hooks that are valid."""
    given = objects_of(assistant, "hooks")[:MAX_HOOKS]
    return tuple(hook for each in given if not any(_hook_problems(each)) for hook in _hook(each))


def problems(assistant: Json) -> Iterator[str]:
    """Why a hook can never work: paths and reasons, for a 400."""
    given = list_of(assistant, "hooks")
    if len(given) > MAX_HOOKS:
        yield f"hooks must have at most {MAX_HOOKS} entries"
    for number, each in enumerate(given[:MAX_HOOKS]):
        if not isinstance(each, Mapping):
            yield f"hooks.{number} must be an object"
            continue
        for problem in _hook_problems(each):
            yield f"hooks.{number}.{problem}"


def tool_ids(assistant: Json) -> list[str]:
    """The ids of stored tools that actions name."""
    hooks = objects_of(assistant, "hooks")[:MAX_HOOKS]
    named = (action for hook in hooks for action in objects_of(hook, "do")[:MAX_ACTIONS])
    return [id for each in named if (id := text_of(each, "toolId")) and not each.get("tool")]


def with_tools(assistant: Json, tools: Mapping[str, Json]) -> list[Json]:
    """The hooks, with the tools that their actions name by id."""

    def whole(action: object) -> object:
        found = tools.get(text_of(action, "toolId")) if isinstance(action, Mapping) else None
        return {"tool": found, **action} if found and isinstance(action, Mapping) else action

    return [
        {**hook, "do": [whole(action) for action in list_of(hook, "do")]}
        for hook in objects_of(assistant, "hooks")
    ]


def without_effect(assistant: Json) -> Iterator[tuple[str, str]]:
    """What is kept and has no effect: hooks that never trigger, and parts of others. With why."""
    for number, each in enumerate(objects_of(assistant, "hooks")):
        if reason := ELSEWHERE.get(text_of(each, "on")):
            yield f"hooks.{number}", reason
            continue
        for part, why in _idle_parts(each):
            yield f"hooks.{number}.{part}", why


def _idle_parts(given: Json) -> Iterator[tuple[str, str]]:
    if list_of(given, "filters") and text_of(given, "on") != Moment.CALL_ENDING.value:
        yield "filters", "only a hook of call.ending has filters"
    for name in object_of(given, "options"):
        if name not in OPTIONS:
            yield f"options.{name[:80]}", "no such field of Vapi's"
    for number, action in enumerate(objects_of(given, "do")):
        if text_of(object_of(action, "tool"), "type") == MCP:
            yield f"do.{number}.tool.type", "a hook calls no tool of an MCP server"


def _hook(given: Json) -> Iterator[Hook]:
    name = text_of(given, "on")
    if name in ELSEWHERE:
        return
    options: dict[str, object] = {**_named(name), **object_of(given, "options")}
    yield Hook(
        Moment.CUSTOMER_SILENT if SILENT.fullmatch(name) else Moment(name),
        tuple(objects_of(given, "do")),
        tuple(frozenset(texts_of(each, "oneOf")) for each in objects_of(given, "filters")),
        number_of(options, _seconds_of(name), TIMEOUT_SECONDS),
        count_of(options, "triggerMaxCount", MAX_COUNT),
        options.get("triggerResetMode") == ON_USER_SPEECH,
    )


def _seconds_of(name: str) -> str:
    """The option that holds the hook's seconds."""
    return "seconds" if name == Moment.TIME_ELAPSED.value else "timeoutSeconds"


def _named(name: str) -> dict[str, object]:
    """The properties in a moment's name. Numbers are numbers."""
    found = dict[str, object]()
    if not SILENT.fullmatch(name):  # a long name would be searched for minutes
        return found
    for key, value in PROPERTY.findall(name):
        number = value.strip().replace(".", "", 1).isdigit()
        found[key] = float(value) if number else value.strip()
    return found


def _hook_problems(given: Json) -> Iterator[str]:
    name = text_of(given, "on")
    known = [moment.value for moment in Moment]
    if name not in known and name not in ELSEWHERE and not SILENT.fullmatch(name):
        yield f"on must be one of {', '.join(known)}; it is {name!r}"
    actions = list_of(given, "do")
    if not 0 < len(actions) <= MAX_ACTIONS:
        yield f"do must have 1 to {MAX_ACTIONS} actions"
    for number, action in enumerate(actions[:MAX_ACTIONS]):
        for problem in _action_problems(action, at_end=name == Moment.CALL_ENDING.value):
            yield f"do.{number}{problem}"
    for number, each in enumerate(list_of(given, "filters")):
        yield from (f"filters.{number}{problem}" for problem in _filter_problems(each))
    options = {**_named(name), **object_of(given, "options")}
    if name == Moment.TIME_ELAPSED.value:
        yield from _elapsed_problems(options)
    else:
        yield from _option_problems(options)


def _elapsed_problems(options: Json) -> Iterator[str]:
    if not ELAPSED[0] <= number_of(options, "seconds", -1.0) <= ELAPSED[1]:
        yield f"options.seconds must be from {ELAPSED[0]:g} to {ELAPSED[1]:g}"


def _option_problems(options: Json) -> Iterator[str]:
    seconds = number_of(options, "timeoutSeconds", -1.0)
    if "timeoutSeconds" in options and not TIMEOUTS[0] <= seconds <= TIMEOUTS[1]:
        yield f"options.timeoutSeconds must be from {TIMEOUTS[0]:g} to {TIMEOUTS[1]:g}"
    count = count_of(options, "triggerMaxCount", 0)
    if "triggerMaxCount" in options and not COUNTS[0] <= count <= COUNTS[1]:
        yield f"options.triggerMaxCount must be from {COUNTS[0]} to {COUNTS[1]}"


def _filter_problems(given: object) -> Iterator[str]:
    if not isinstance(given, Mapping) or given.get("type") != "oneOf":
        yield ".type must be oneOf"
    elif given.get("key") != FILTER_KEY:
        yield f".key must be {FILTER_KEY}; no other is known here"
    elif not texts_of(given, "oneOf"):
        yield ".oneOf must have ended reasons"


def _action_problems(given: object, *, at_end: bool) -> Iterator[str]:
    if not isinstance(given, Mapping):
        yield " must be an object"
        return
    kind = text_of(given, "type")
    check = ACTIONS.get(kind)
    if check is None:
        yield f".type must be one of {', '.join(ACTIONS)}; it is {kind!r}"
    elif at_end and kind == "say":
        yield ".type must not be say: the call is ending; endCallMessage is spoken"
    elif problem := check(given):
        yield problem


def _say(given: Json) -> str | None:
    texts = (given.get("exact"), given.get("prompt"))
    if not any(isinstance(each, str | list) and each for each in texts):
        return " needs exact or prompt"
    return None


def _tool(given: Json) -> str | None:
    return None if object_of(given, "tool") or text_of(given, "toolId") else " needs tool or toolId"


def _function(given: Json) -> str | None:
    return None if text_of(object_of(given, "function"), "name") else ".function.name is missing"


def _transfer(given: Json) -> str | None:
    return None if object_of(given, "destination") else ".destination is missing"


def _message(given: Json) -> str | None:
    message = object_of(given, "message")
    if message.get("role") not in ROLES or not text_of(message, "content"):
        return f".message needs content, and a role of {', '.join(ROLES)}"
    return None


ACTIONS: Mapping[str, Callable[[Json], str | None]] = {
    "say": _say,
    "tool": _tool,
    "message.add": _message,
    "function": _function,  # the older form of a tool
    "transfer": _transfer,  # the older form of a transferCall tool
}
"""The types of actions; each returns what is missing."""
