"""A client's regular expressions: those that are accepted, and what they match. Pure.

Vapi's are JavaScript's. Python reads nearly all of them alike. One that could take seconds is
refused: every call of the process would wait for it.
https://docs.vapi.ai/api-reference/assistants/create (``RegexOption``)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import comb
from typing import TYPE_CHECKING, Any

from app.domain.assistant.backtracking import MANY, REPEATS, ways
from app.domain.assistant.fields import Json, objects_of, text_of

if TYPE_CHECKING:
    import sre_constants as codes
    import sre_parse as parser
else:
    from re import _constants as codes
    from re import _parser as parser

MAX_PATTERN = 500
"""Characters of one expression."""
MAX_TEXT = 300
"""Characters that are searched: the last ones of the text."""
MAX_REPEATS = 3
"""Unbounded repeats of one expression. The time grows with the text's length to this power."""
MAX_WAYS, MAX_CHOICES = 50_000_000, 40_000
"""Ways to match the text from all its places, of which so many without unbounded repeats."""
FLAGS = {"ignore-case": re.IGNORECASE, "multi-line": re.MULTILINE}


def compiled(given: Json, name: str = "regex", options: str = "regexOptions") -> re.Pattern[str]:
    """The expression of the field ``name``. Raises ``ValueError`` with the end of a sentence."""
    text, flags, whole = text_of(given, name), 0, False
    for each in objects_of(given, options):
        if each.get("enabled"):
            flags |= FLAGS.get(text_of(each, "type"), 0)
            whole = whole or each.get("type") == "whole-word"
    if not text:
        raise ValueError("is missing")
    if len(text) > MAX_PATTERN:
        raise ValueError(f"has more than {MAX_PATTERN} characters")
    try:
        made = re.compile(rf"\b(?:{text})\b" if whole else text, flags)
        parsed = parser.parse(made.pattern, made.flags)
        repeats = [*_repeats(parsed, within=False)]
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    if any(repeats) or len(repeats) > MAX_REPEATS:
        raise ValueError(
            f"may take too long: at most {MAX_REPEATS} unbounded repeats, "
            "and none within another or around alternatives"
        )
    if _is_ambiguous(parsed):
        raise ValueError("may take too long: it can match the same text in too many ways")
    return made


def _is_ambiguous(parsed: Any) -> bool:
    found = ways(parsed)
    if found.repeats > MAX_REPEATS or found.choices > MAX_CHOICES:
        return True
    each = comb(MAX_TEXT + found.repeats + 1, found.repeats + 1)
    return found.choices > 1 and each * found.choices > MAX_WAYS


def matches(pattern: re.Pattern[str], text: str) -> bool:
    """Whether it matches anywhere in the end of the text."""
    return pattern.search(text[-MAX_TEXT:]) is not None


def _repeats(parsed: Any, *, within: bool) -> Iterator[bool]:
    """For each unbounded repeat whether it is dangerous; one more for alternatives in a repeat."""
    for code, value in parsed:
        if code in REPEATS:
            unbounded = value[1] > MANY
            if unbounded:
                yield within
            yield from _repeats(value[2], within=within or unbounded)
        elif code is codes.BRANCH:
            if within:
                yield True
            for each in value[1]:
                yield from _repeats(each, within=within)
        else:
            for inner in _inner(value):
                yield from _repeats(inner, within=within)


def _inner(value: Any) -> Iterator[Any]:
    """The expressions within a group, a look-around or a condition."""
    parts = value if isinstance(value, tuple | list) else [value]
    yield from (each for each in parts if isinstance(each, parser.SubPattern))
