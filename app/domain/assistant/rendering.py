"""Which texts of an assistant are templates: all but a few. Pure.

A call's assistant is rendered once, when its media socket opens. What is spoken, shown to a model
or sent is read from the rendered one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.assistant import tool_types
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import text_of
from app.domain.assistant.liquid import text
from providers.common.json_types import JsonObject

KEPT = frozenset(
    {
        "analysisPlan",  # rendered after the call, with its transcript
        "artifactPlan",
        "assistantDestinations",  # rendered when the call is handed over
        "credentials",  # accounts
        "endCallMessage",  # rendered when it is spoken, with what tools have learnt
        "messagePlan",  # the same
        "metadata",  # the client's own data, which is never spoken
        "server",  # one receiver for all calls, as its secret proves
        "serverUrl",
        "serverUrlSecret",
        "summaryPrompt",
        "variableValues",  # values, not texts
        "voicemailMessage",  # rendered when it is spoken
    }
)
"""Fields of an assistant that stay as they are."""
SPOKEN = frozenset({"messages", "toolMessages"})
"""Fields of tools with what is said about a call of them."""
LATER: Mapping[str, frozenset[str]] = {
    "message.add": frozenset({"message"}),  # an action of a hook, as is the next
    "say": frozenset({"exact", "prompt"}),
    **dict.fromkeys(tool_types.KNOWN, SPOKEN),
    "apiRequest": SPOKEN | {"url", "headers", "body"},
    "handoff": SPOKEN | {"destinations"},
    "mcp": SPOKEN | {"server"},
    "sms": SPOKEN | {"metadata"},
}
"""Fields of tools and hooks' actions that are rendered when they are used, by the type."""
PLACES = frozenset({"destination", "destinations", "forwardingPhoneNumbers"})
"""Fields with places that a call may be transferred to."""
OF_PLACES = frozenset({"message", "transferPlan"})
"""Fields of such a place that are rendered when the call is transferred (``place_filled``)."""
SPOKEN_LATER = frozenset(
    {"analysisPlan", "endCallMessage", "messagePlan", "summaryPrompt", "voicemailMessage"}
)
"""Fields of ``KEPT`` that hold templates."""
PATHS = frozenset({"variableExtractionPlan"})
"""Fields whose braces may hold a path of an answer, such as ``{{$.status}}``."""
OF_ANY_TOOL = frozenset({"variableExtractionPlan", "parameters"})
"""Such fields of every tool. A function's ``parameters`` are a schema, which is an object."""


def rendered(assistant: AssistantConfig, values: JsonObject) -> AssistantConfig:
    """The assistant with its templates rendered."""
    return AssistantConfig(
        {
            name: value if name in KEPT else _field(assistant.json, name, values)
            for name, value in assistant.json.items()
        }
    )


def place_filled(place: JsonObject, values: JsonObject) -> JsonObject:
    """A place of a rendered assistant, with what is said there rendered too.

    The tools of its ``transferAssistant`` render some of their texts when they are used.
    """
    later = {name: each for name, each in place.items() if name in OF_PLACES}
    return {**place, **filled(later, values)}


def filled(value: Any, values: JsonObject, kept: frozenset[str] = frozenset()) -> Any:
    """The JSON value with its texts rendered, but for those that are rendered when they are used.

    ``kept``: fields that stay as they are, besides those of ``LATER``.
    """
    if isinstance(value, str):
        return text.fill(value, values)
    if isinstance(value, list):
        return [filled(each, values, kept) for each in value]
    if not isinstance(value, Mapping):
        return value
    later = kept | LATER.get(text_of(value, "type"), frozenset())
    return {
        name: each if name in later else _field(value, name, values) for name, each in value.items()
    }


def problems(body: JsonObject, path: str = "") -> list[str]:
    """A sentence for each text of an assistant or number that is no good template."""
    return [
        f"{where} {why}; it is used without the braces"
        for where, value in _texts(body, path)
        if (why := text.problem(value))
    ]


def _field(holder: JsonObject, name: str, values: JsonObject) -> Any:
    value = holder[name]
    if text.is_markup(holder, name):
        return text.fill(value, values, escapes=True)
    if name == "secret" or (name in OF_ANY_TOOL and not _is_schema(name, value)):
        return value
    if name == "url" and isinstance(value, str):
        return text.fill_url(value, values)
    if name == "functions":  # tools of the older form: they have no type
        return filled(value, values, SPOKEN)
    return filled(value, values, OF_PLACES if name in PLACES else frozenset())


def _is_schema(name: str, value: Any) -> bool:
    return name == "parameters" and isinstance(value, Mapping)


def _texts(body: JsonObject, path: str) -> Iterator[tuple[str, str]]:
    """The texts with templates, and where they are."""
    waiting: list[tuple[str, Any]] = [
        (path + name, value)
        for name, value in body.items()
        if (name not in KEPT or name in SPOKEN_LATER) and name not in PATHS
    ]
    while waiting:
        where, value = waiting.pop(0)
        if isinstance(value, str):
            if text.has_template(value):
                yield where, value
        elif isinstance(value, Mapping):
            inner = ((name, each) for name, each in value.items() if name not in PATHS)
            waiting += [(f"{where}.{name}", each) for name, each in inner]
        elif isinstance(value, list):
            waiting += [(f"{where}.{number}", each) for number, each in enumerate(value)]
