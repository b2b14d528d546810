"""A destination's ``transferPlan``: how the call is handed to the operator there. Pure.

https://docs.vapi.ai/calls/call-handling-with-vapis-voice-intelligence
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any
from urllib.parse import quote, urlencode

from app.domain.assistant import talk_fields
from app.domain.assistant.fields import Json, object_of, text_of
from app.domain.assistant.words import words_of
from providers.common import operator_twiml
from providers.common.json_types import JsonObject
from providers.common.web_url import is_web_url


class Mode(StrEnum):
    """Vapi's ``mode``."""

    BLIND = "blind-transfer"
    BLIND_SUMMARY = "blind-transfer-add-summary-to-sip-header"
    SAY_MESSAGE = "warm-transfer-say-message"
    SAY_SUMMARY = "warm-transfer-say-summary"
    TWIML = "warm-transfer-twiml"
    WAIT_MESSAGE = "warm-transfer-wait-for-operator-to-speak-first-and-then-say-message"
    WAIT_SUMMARY = "warm-transfer-wait-for-operator-to-speak-first-and-then-say-summary"
    EXPERIMENTAL = "warm-transfer-experimental"


class Verb(StrEnum):
    """Vapi's ``sipVerb``: how a blind transfer moves a caller who came by SIP."""

    REFER = "refer"
    """The caller's own device calls the destination."""
    BYE = "bye"
    """The leg ends, and the caller's own side goes on."""
    DIAL = "dial"


BLIND_MODES = frozenset({Mode.BLIND, Mode.BLIND_SUMMARY})
WITH_SUMMARY = frozenset({Mode.BLIND_SUMMARY, Mode.SAY_SUMMARY, Mode.WAIT_SUMMARY})
"""Modes in which the operator gets a summary."""
SPEAKS_FIRST = frozenset({Mode.WAIT_MESSAGE, Mode.WAIT_SUMMARY})
"""Modes in which the operator says something first."""
RING_SECONDS, MOST_RING_SECONDS = 60, 600
"""Vapi's default of ``dialTimeout`` and ``timeout``, and their maximum."""
MAX_TEXT = 1000
SUMMARY_HEADER = "X-Transfer-Summary"
NO_SUMMARY = "A caller is being connected to you."
"""What an operator hears where there is neither a message nor a summary."""
NO_HEADER_TEXT = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
HEADER = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
MOST_HEADERS, MOST_IN_HEADERS = 20, 1024
"""Headers of a SIP destination, and their characters as in a URI: some carriers take no more."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What follows a transfer that failed."""

    message: str
    """What the caller hears then."""
    ends_call: bool
    """The call ends after the message; else the assistant goes on."""


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """The plan of one destination that passed ``problem``."""

    mode: Mode = Mode.BLIND
    message: str = ""
    """What the operator hears before the caller."""
    twiml: str = ""
    """What the operator's leg runs instead of ``message``."""
    summary: Json = field(default_factory=dict)
    """``summaryPlan``."""
    ring_seconds: int = RING_SECONDS
    rings_at_most: bool = False
    """The plan says how long it rings."""
    hold_url: str | None = None
    """The audio that the caller hears while the operator's phone rings."""
    joined_url: str | None = None
    """The audio that the operator hears just before the caller."""
    fallback: Fallback | None = None
    verb: Verb = Verb.DIAL
    listen_seconds: int = 0
    """How long the operator may stay silent before being told. 0: is told at once."""
    assistant: Json = field(default_factory=dict)
    """``transferAssistant``, in the mode that has one."""
    context: Json = field(default_factory=dict)
    """``contextEngineeringPlan``: what the transfer assistant knows of the conversation."""

    @property
    def is_warm(self) -> bool:
        """Whether the operator is spoken to before the caller is connected."""
        return self.mode not in BLIND_MODES

    @property
    def wants_summary(self) -> bool:
        untold = self.mode is Mode.EXPERIMENTAL and not self.message
        untold = untold and not (self.assistant and not self.summary)
        wanted = self.mode in WITH_SUMMARY or untold
        return wanted and self.summary.get("enabled") is not False

    @property
    def detects_machine(self) -> bool:
        return self.mode is Mode.EXPERIMENTAL

    @property
    def talk_seconds(self) -> float:
        """How long the transfer assistant may talk with the operator."""
        return talk_fields.max_seconds(self.assistant)

    @property
    def briefing_seconds(self) -> float:
        """How long the operator's leg takes for ``twiml``, at most."""
        if not self.twiml:
            return 0.0
        verbs = operator_twiml.parse(self.twiml)
        return min(operator_twiml.seconds(verbs), operator_twiml.MOST_SECONDS)

    def briefing(self, summary: str) -> str:
        """What the operator hears; empty where ``twiml`` says it.

        With a transfer assistant, what that has to tell.
        """
        if self.twiml:
            return ""
        told = summary if self.wants_summary else self.message
        if self.assistant:
            return (told or self.message)[:MAX_TEXT]
        return (told or self.message or NO_SUMMARY)[:MAX_TEXT]


def read(destination: JsonObject) -> TransferPlan:
    """The plan of a destination. An unknown mode is a blind transfer, an unknown verb dials."""
    plan = object_of(destination, "transferPlan")
    mode, verb = text_of(plan, "mode"), text_of(plan, "sipVerb")
    return TransferPlan(
        mode=Mode(mode) if mode in set(Mode) else Mode.BLIND,
        message=_text(plan.get("message")),
        twiml=text_of(plan, "twiml") if mode == Mode.TWIML else "",
        summary=object_of(plan, "summaryPlan"),
        ring_seconds=_seconds(plan, "dialTimeout"),
        rings_at_most=_is_seconds(plan.get("dialTimeout")),
        hold_url=text_of(plan, "holdAudioUrl") or None,
        joined_url=text_of(plan, "transferCompleteAudioUrl") or None,
        fallback=_fallback(object_of(plan, "fallbackPlan")),
        verb=Verb(verb) if verb in set(Verb) else Verb.DIAL,
        listen_seconds=_seconds(plan, "timeout") if mode in SPEAKS_FIRST else 0,
        assistant=object_of(plan, "transferAssistant") if mode == Mode.EXPERIMENTAL else {},
        context=object_of(plan, "contextEngineeringPlan"),
    )


def sip_headers(destination: JsonObject, summary: str = "") -> dict[str, str]:
    """The headers of a SIP destination, each with ``X-`` in front of its name, and one line long.

    The summary has what the others leave of the room.
    """
    given = object_of(destination, "sipHeaders")
    named = {name if name.startswith("X-") else f"X-{name}": each for name, each in given.items()}
    found = {name: _line(str(each)) for name, each in named.items()}
    told, room = _line(summary), MOST_IN_HEADERS - _length({**found, SUMMARY_HEADER: ""})
    ends = [*accumulate(len(quote(character, safe="")) for character in told)]
    told = told[: bisect_right(ends, room)]
    return found | ({SUMMARY_HEADER: told} if told else {})


def _line(value: str) -> str:
    """A line break in a header would begin another one."""
    return " ".join(NO_HEADER_TEXT.sub(" ", value).split())[:MAX_TEXT]


def _length(headers: Mapping[str, str]) -> int:
    """Characters of the headers in a URI."""
    return len(urlencode(headers, quote_via=quote))


def problem(destination: JsonObject, *, rendered: bool = False) -> str | None:
    """Why the plan or the SIP headers are not valid, as a sentence that begins with the field.

    ``rendered``: no template is left, so braces do not become a URL any more.
    """
    if not _are_headers(destination.get("sipHeaders")):
        return f"sipHeaders must be at most {MOST_HEADERS} texts with plain names"
    if _length(sip_headers(destination)) > MOST_IN_HEADERS:
        return f"sipHeaders must be at most {MOST_IN_HEADERS} characters, as in a URI"
    if destination.get("type") == "sip" and destination.get("extension"):
        return "extension is for numbers only"
    plan = destination.get("transferPlan")
    if plan is None:
        return None
    if not isinstance(plan, Mapping):
        return "transferPlan must be an object"
    if text_of(plan, "mode") not in set(Mode):
        return f"transferPlan.mode must be one of the following values: {', '.join(Mode)}"
    if plan.get("sipVerb") and text_of(plan, "sipVerb") not in set(Verb):
        return f"transferPlan.sipVerb must be one of the following values: {', '.join(Verb)}"
    for name in ("dialTimeout", "timeout"):
        seconds = plan.get(name)
        if seconds is not None and not _is_seconds(seconds):
            return f"transferPlan.{name} must be a number from 1 to {MOST_RING_SECONDS}"
    for name in ("holdAudioUrl", "transferCompleteAudioUrl"):
        url = plan.get(name)
        later = not rendered and "{{" in text_of(plan, name)
        if url and not later and not (isinstance(url, str) and is_web_url(url)):
            return f"transferPlan.{name} must be a URL of http or https"
    wrong = talk_fields.problem(plan)
    return f"transferPlan.{wrong}" if wrong else _twiml_problem(plan)


def _twiml_problem(plan: Json) -> str | None:
    """Why no carrier could run the ``twiml``, as far as that is known before it is rendered."""
    twiml = plan.get("twiml")
    if twiml is None or plan.get("mode") != Mode.TWIML:
        return None
    if not isinstance(twiml, str) or len(twiml) > operator_twiml.MOST_CHARACTERS:
        return f"transferPlan.twiml must be at most {operator_twiml.MOST_CHARACTERS} characters"
    if not twiml:
        return None
    try:
        operator_twiml.check_template(twiml)
    except ValueError as error:
        return f"transferPlan.twiml {error}"
    return None


def _fallback(plan: Json) -> Fallback | None:
    if not plan:
        return None
    return Fallback(_text(plan.get("message")), plan.get("endCallEnabled") is not False)


def _text(message: object) -> str:
    """A text, or Vapi's message with ``contents`` or ``content``."""
    return (words_of(message) or "")[:MAX_TEXT]


def _seconds(plan: Json, name: str) -> int:
    value = plan.get(name)
    known = isinstance(value, int | float) and _is_seconds(value)
    return int(value) if known and isinstance(value, int | float) else RING_SECONDS


def _is_seconds(value: Any) -> bool:
    return talk_fields.is_within(value, range(1, MOST_RING_SECONDS + 1))


def _are_headers(given: Any) -> bool:
    if given is None:
        return True
    return (
        isinstance(given, Mapping)
        and len(given) <= MOST_HEADERS
        and all(isinstance(name, str) and HEADER.fullmatch(name) for name in given)
        and all(isinstance(each, str | int | float | bool) for each in given.values())
    )
