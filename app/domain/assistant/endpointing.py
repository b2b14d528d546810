"""``startSpeakingPlan``: how long the assistant waits once the caller is silent. Pure.

A matching rule decides first, then the smart plan. Without both the transcript's last character
does, where there is a plan for it, and ``waitSeconds`` at last.
https://docs.vapi.ai/customization/speech-configuration
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from app.domain.assistant.fields import (
    Json,
    number_of,
    number_within,
    object_of,
    objects_of,
    text_of,
)
from app.domain.assistant.patterns import compiled, matches
from app.domain.assistant.wait_function import DEFAULT, WaitFunction

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.4
"""Default of ``waitSeconds``."""
WAIT_LIMITS = (0.0, 5.0)
TRANSCRIPT_LIMITS = (0.0, 3.0)
"""Of each part of ``transcriptionEndpointingPlan``."""
MAX_RULES = 50
MAX_RULE_SECONDS = 15.0
PUNCTUATION, NO_PUNCTUATION, NUMBER = 0.1, 1.5, 0.5
"""Defaults of ``transcriptionEndpointingPlan``, in seconds."""
ENDS_WITH_NUMBER = re.compile(r"\d[\s.,]*$")
ENDS_WITH_PUNCTUATION = re.compile(r"[.!?…。！？।؟]['\")\]]*\s*$")
RULES = {  # a rule's type -> the fields of its expressions, the assistant's and the caller's
    "assistant": (("regex", "regexOptions"), None),
    "customer": (None, ("regex", "regexOptions")),
    "both": (
        ("assistantRegex", "assistantRegexOptions"),
        ("customerRegex", "customerRegexOptions"),
    ),
}


class Smart(Enum):
    """Kinds of ``smartEndpointingPlan``."""

    NONE = ""
    LOCAL = "vapi"
    """A model of this process judges whether the sentence is finished."""
    WAIT_FUNCTION = "livekit"
    """The same model's probability gives the wait, by ``waitFunction``."""
    SERVER = "custom-endpointing-model"
    """The client's server names the wait."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One of ``customEndpointingRules``. A pattern that is None matches."""

    seconds: float
    assistant: re.Pattern[str] | None
    caller: re.Pattern[str] | None

    def holds(self, caller: str, assistant: str) -> bool:
        both = ((self.assistant, assistant), (self.caller, caller))
        return all(pattern is None or matches(pattern, text) for pattern, text in both)


@dataclass(frozen=True, slots=True)
class ByTranscript:
    """``transcriptionEndpointingPlan``: seconds by what the transcript ends with."""

    punctuation: float = PUNCTUATION
    no_punctuation: float = NO_PUNCTUATION
    number: float = NUMBER

    def seconds(self, text: str) -> float:
        if ENDS_WITH_NUMBER.search(text):
            return self.number
        return self.punctuation if ENDS_WITH_PUNCTUATION.search(text) else self.no_punctuation


@dataclass(frozen=True, slots=True)
class StartSpeakingPlan:
    """When the assistant answers. Seconds count from the caller's silence."""

    wait_seconds: float = WAIT_SECONDS
    smart: Smart = Smart.NONE
    wait_function: WaitFunction | None = None
    server: Json | None = None
    """The server of ``Smart.SERVER``; None: the assistant's."""
    by_transcript: ByTranscript | None = None
    rules: tuple[Rule, ...] = field(default=())

    def rule_seconds(self, caller: str, assistant: str) -> float | None:
        """The wait of the first rule that matches what both have said."""
        held = (rule.seconds for rule in self.rules if rule.holds(caller, assistant))
        return next(held, None)

    def seconds(self, caller: str, assistant: str) -> float:
        """The wait where no smart plan decides."""
        by_rule = self.rule_seconds(caller, assistant)
        if by_rule is not None:
            return by_rule
        return self.by_transcript.seconds(caller) if self.by_transcript else self.wait_seconds


def parse(assistant: Json) -> StartSpeakingPlan:
    """A rule or function that is not valid is left out: it was stored by an older version."""
    given = object_of(assistant, "startSpeakingPlan")
    smart = object_of(given, "smartEndpointingPlan")
    kind, texts = _smart(given, smart), given.get("transcriptionEndpointingPlan")
    return StartSpeakingPlan(
        wait_seconds=number_within(
            given,
            "waitSeconds",
            number_of(assistant, "responseDelaySeconds", WAIT_SECONDS),
            WAIT_LIMITS,
        ),
        smart=kind,
        wait_function=_function(smart) if kind is Smart.WAIT_FUNCTION else None,
        server=object_of(smart, "server") or None,
        by_transcript=_by_transcript(given) if isinstance(texts, dict) else None,
        rules=tuple(_valid_rules(given)),
    )


def problems(assistant: Json) -> Iterator[str]:
    """What of the plan can never work: paths and reasons, for a 400."""
    given = object_of(assistant, "startSpeakingPlan")
    for number, rule in enumerate(objects_of(given, "customEndpointingRules")):
        try:
            _rule(rule)
        except ValueError as error:
            yield f"startSpeakingPlan.customEndpointingRules.{number}.{error}"
    try:
        WaitFunction(text_of(object_of(given, "smartEndpointingPlan"), "waitFunction") or DEFAULT)
    except ValueError as error:
        yield f"startSpeakingPlan.smartEndpointingPlan.waitFunction {error}"


def _smart(given: Json, smart: Json) -> Smart:
    enabled = given.get("smartEndpointingEnabled")
    named = text_of(smart, "provider") or (enabled if isinstance(enabled, str) else "")
    if named:
        try:
            return Smart(named)
        except ValueError:
            log.warning("smartEndpointingPlan.provider %s is not known here: vapi's is used", named)
            return Smart.LOCAL
    return Smart.LOCAL if smart or enabled is True else Smart.NONE


def _function(smart: Json) -> WaitFunction:
    try:
        return WaitFunction(text_of(smart, "waitFunction") or DEFAULT)
    except ValueError:
        return WaitFunction(DEFAULT)


def _by_transcript(given: Json) -> ByTranscript:
    plan = object_of(given, "transcriptionEndpointingPlan")
    return ByTranscript(
        number_within(plan, "onPunctuationSeconds", PUNCTUATION, TRANSCRIPT_LIMITS),
        number_within(plan, "onNoPunctuationSeconds", NO_PUNCTUATION, TRANSCRIPT_LIMITS),
        number_within(plan, "onNumberSeconds", NUMBER, TRANSCRIPT_LIMITS),
    )


def _valid_rules(given: Json) -> Iterator[Rule]:
    for rule in objects_of(given, "customEndpointingRules")[:MAX_RULES]:
        try:
            yield _rule(rule)
        except ValueError as error:
            log.warning("an endpointing rule is left out: %s", error)


def _rule(given: Json) -> Rule:
    """Raises ``ValueError``: the field's name, and what is wrong with it."""
    kind = text_of(given, "type")
    if kind not in RULES:
        raise ValueError(f"type must be one of {', '.join(RULES)}; it is {kind!r}")
    made = list[re.Pattern[str] | None]()
    for names in RULES[kind]:
        try:
            made.append(compiled(given, *names) if names else None)
        except ValueError as error:
            raise ValueError(f"{names[0] if names else ''} {error}") from error
    seconds = number_of(given, "timeoutSeconds", -1.0)
    if not 0 <= seconds <= MAX_RULE_SECONDS:
        raise ValueError(f"timeoutSeconds must be from 0 to {MAX_RULE_SECONDS:g}")
    return Rule(seconds, made[0], made[1])
