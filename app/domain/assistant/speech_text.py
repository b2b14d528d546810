"""``voice.chunkPlan``: how the model's text is cut for the voice, and how it is written out. Pure.

https://docs.vapi.ai/assistants/voice-formatting-plan
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.assistant.fields import (
    Json,
    list_of,
    number_of,
    number_within,
    object_of,
    objects_of,
    text_of,
)
from app.domain.assistant.patterns import compiled

MIN_CHARACTERS = 30
"""Default of ``minCharacters``, once the plan has boundaries of its own."""
CHARACTERS = (1, 80)
CUTOFF = 2025
"""Default of ``numberToDigitsCutoff``: larger numbers are read digit by digit."""
MAX_REPLACEMENTS = 100
MAX_SPOKEN = 500
"""Characters of a longer text are not searched by a replacement's expression."""
DOLLAR = re.compile(r"\$(\d|&)")
FORMATTERS = frozenset(
    {
        *("markdown", "asterisk", "quote", "dash", "newline", "colon", "acronym", "dollarAmount"),
        *("email", "date", "time", "distance", "unit", "percentage", "phoneNumber", "number"),
        "stripAsterisk",
    }
)
"""Vapi's names."""
OLDER = {
    "inputPreprocessingEnabled": "enabled",
    "inputMinCharacters": "minCharacters",
    "inputPunctuationBoundaries": "punctuationBoundaries",
}
"""The voice's older fields of 2024 -> those of the ``chunkPlan``."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One of ``formatPlan.replacements``."""

    key: str | re.Pattern[str]
    value: str
    all: bool

    def apply(self, text: str) -> str:
        if isinstance(self.key, str):
            return text.replace(self.key, self.value, -1 if self.all else 1)
        if len(text) > MAX_SPOKEN:
            return text
        try:
            return self.key.sub(self.value, text)
        except (re.error, IndexError):  # a group that the expression does not have
            return text


@dataclass(frozen=True, slots=True)
class SpeechTextPlan:
    """What happens to the text on its way to the voice."""

    min_characters: int = 0
    """Shorter chunks wait for the next; 0: a chunk is a sentence."""
    boundaries: tuple[str, ...] = ()
    """Characters that end a chunk, beside the ends of sentences."""
    formatters: frozenset[str] = frozenset()
    """Names of ``FORMATTERS``."""
    cutoff: int = CUTOFF
    replacements: tuple[Replacement, ...] = ()

    @property
    def cuts(self) -> bool:
        return bool(self.min_characters or self.boundaries)

    @property
    def formats(self) -> bool:
        return bool(self.formatters or self.replacements)

    def replaced(self, text: str) -> str:
        for each in self.replacements:
            text = each.apply(text)
        return text


def parse(voice: Json) -> SpeechTextPlan:
    """Without a ``formatPlan`` nothing is written out: voices read numbers by themselves."""
    plan = _plan(voice)
    if plan.get("enabled") is False:
        return SpeechTextPlan()
    boundaries = tuple(
        each for each in list_of(plan, "punctuationBoundaries") if isinstance(each, str) and each
    )
    default = MIN_CHARACTERS if boundaries else 0
    formatting = object_of(plan, "formatPlan")
    if not formatting or formatting.get("enabled") is False:
        return SpeechTextPlan(_characters(plan, default), boundaries)
    listed = formatting.get("formattersEnabled")
    return SpeechTextPlan(
        _characters(plan, default),
        boundaries,
        FORMATTERS & {each for each in listed if isinstance(each, str)}
        if isinstance(listed, list)
        else FORMATTERS,
        int(min(number_of(formatting, "numberToDigitsCutoff", CUTOFF), 1e15)),
        tuple(_replacements(formatting)),
    )


def problems(voice: Json) -> Iterator[str]:
    """What can never work: paths and reasons, for a 400."""
    formatting = object_of(object_of(voice, "chunkPlan"), "formatPlan")
    for number, each in enumerate(objects_of(formatting, "replacements")):
        try:
            _replacement(each)
        except ValueError as error:
            yield f"voice.chunkPlan.formatPlan.replacements.{number}.{error}"


def _plan(voice: Json) -> Json:
    """The ``chunkPlan``, completed by the older fields."""
    older: dict[str, object] = {new: voice[old] for old, new in OLDER.items() if old in voice}
    if "inputReformattingEnabled" in voice:
        older["formatPlan"] = {"enabled": voice["inputReformattingEnabled"]}
    return {**older, **object_of(voice, "chunkPlan")}


def _characters(plan: Json, default: int) -> int:
    return int(number_within(plan, "minCharacters", default, CHARACTERS))


def _replacements(formatting: Json) -> Iterator[Replacement]:
    for each in objects_of(formatting, "replacements")[:MAX_REPLACEMENTS]:
        try:
            yield _replacement(each)
        except ValueError:
            continue  # stored by an older version


def _replacement(given: Json) -> Replacement:
    """Raises ``ValueError``: the field's name, and what is wrong with it."""
    value, kind = text_of(given, "value"), text_of(given, "type")
    if kind == "exact":
        if not text_of(given, "key"):
            raise ValueError("key is missing")
        return Replacement(text_of(given, "key"), value, bool(given.get("replaceAllEnabled")))
    if kind != "regex":
        raise ValueError(f"type must be exact or regex; it is {kind!r}")
    try:
        pattern = compiled(given, "regex", "options")
    except ValueError as error:
        raise ValueError(f"regex {error}") from error
    groups = DOLLAR.sub(lambda m: r"\g<0>" if m[1] == "&" else rf"\g<{m[1]}>", _escaped(value))
    return Replacement(pattern, groups, all=True)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
