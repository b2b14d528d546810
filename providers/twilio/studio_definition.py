"""Reads the definition of a Studio flow, as far as it concerns calls that are lent to us.

Pure. A definition comes from an editor, so any field may be missing or of another type.
https://www.twilio.com/docs/studio/flow-definition
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit

from providers.common.json_types import JsonObject

REDIRECT, REQUEST, SPLIT = "add-twiml-redirect", "make-http-request", "split-based-on"
ARRIVAL = "/twilio/inbound_call"
FETCH = re.compile(r"/twilio/calls/(?P<id>.+)/twiml")
CREATE = ("/call", "/call/phone")
OUTCOME = re.compile(r"widgets\.([\w-]+)\.vapi(?:EndedReason|Status|CallId)\b")
LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# A URL needs no spaces to be split at its first "?".
_STAND_IN = "liquid"


class NotAFlow(ValueError):
    """The document is not a flow's definition. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One exit of a widget. ``next`` None: the exit is not wired, so the call ends."""

    event: str
    next: str | None
    values: tuple[str, ...]
    """What a Split compares with on this exit."""


@dataclass(frozen=True)
class Widget:
    """One widget (state) of a flow."""

    name: str
    type: str
    properties: JsonObject
    transitions: tuple[Transition, ...]

    def text(self, name: str) -> str:
        """A property as text; "" without it."""
        value = self.properties.get(name)
        return "" if value is None else str(value)

    @cached_property
    def url(self) -> SplitResult:
        """The property ``url``, with a word in place of each Liquid expression."""
        try:
            return urlsplit(LIQUID.sub(_STAND_IN, self.text("url")))
        except ValueError:
            return urlsplit("")

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters of ``url``, with their Liquid."""
        _, _, query = self.text("url").partition("?")
        pairs = (pair.partition("=") for pair in query.partition("#")[0].split("&"))
        return {name: unquote(value) for name, _, value in pairs}

    def next(self, event: str) -> str | None:
        """Where this exit leads; None: nowhere."""
        return next((each.next for each in self.transitions if each.event == event), None)


@dataclass(frozen=True)
class Flow:
    """A flow. ``widgets`` by name."""

    start: str
    flags: JsonObject
    widgets: Mapping[str, Widget]

    @cached_property
    def lending(self) -> tuple[Widget, ...]:
        """The TwiML Redirect widgets that lend a call to us."""
        return tuple(
            each
            for each in self._of(REDIRECT)
            if each.url.path.endswith(ARRIVAL) or FETCH.search(each.url.path)
        )

    @cached_property
    def creating(self) -> tuple[Widget, ...]:
        """The HTTP Request widgets that create a call. Paths before ``/call`` are of a proxy."""
        return tuple(each for each in self._of(REQUEST) if each.url.path.endswith(CREATE))

    @cached_property
    def splits(self) -> tuple[tuple[Widget, str], ...]:
        """The Split widgets about an outcome of ours, each with the widget that it names."""
        found = ((each, OUTCOME.search(each.text("input"))) for each in self._of(SPLIT))
        return tuple((each, match[1]) for each, match in found if match)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The names of the widgets that a call can come to."""
        seen, waiting = set[str](), [self.start]
        while waiting:
            name = waiting.pop()
            if name in self.widgets and name not in seen:
                seen.add(name)
                waiting += [each.next for each in self.widgets[name].transitions if each.next]
        return frozenset(seen)

    def _of(self, kind: str) -> Iterator[Widget]:
        return (each for each in self.widgets.values() if each.type == kind)


def read(document: object) -> Flow:
    """Read a definition, or the API's Flow resource around it. Raises ``NotAFlow``."""
    if isinstance(document, dict) and isinstance(document.get("definition"), dict):
        document = document["definition"]
    if not isinstance(document, dict) or not isinstance(document.get("states"), list):
        raise NotAFlow("it has no list `states`: export the flow with Show Flow JSON")
    states = [_widget(each) for each in document["states"]]
    flags = document.get("flags")
    return Flow(
        str(document.get("initial_state") or ""),
        flags if isinstance(flags, dict) else {},
        {each.name: each for each in states},
    )


def _widget(state: object) -> Widget:
    if not isinstance(state, dict) or not isinstance(state.get("name"), str):
        raise NotAFlow("one of its `states` has no name")
    properties, transitions = state.get("properties"), state.get("transitions")
    return Widget(
        state["name"],
        str(state.get("type") or ""),
        properties if isinstance(properties, dict) else {},
        tuple(
            _transition(each)
            for each in (transitions if isinstance(transitions, list) else ())
            if isinstance(each, dict)
        ),
    )


def _transition(each: JsonObject) -> Transition:
    conditions = each.get("conditions")
    values = [
        value.strip()
        for condition in (conditions if isinstance(conditions, list) else ())
        if isinstance(condition, dict) and condition.get("type") in ("equal_to", "matches_any_of")
        for value in str(condition.get("value") or "").split(",")
    ]
    to = each.get("next")
    return Transition(
        str(each.get("event") or ""), to if isinstance(to, str) and to else None, tuple(values)
    )
