"""Renders the templates in a text, or in all texts of a JSON value.

A text without a template costs two searches. Parsed templates are kept, up to a bound.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from app.domain.assistant.liquid.engine import Template

MAX_TEXT = 260_000
"""Characters of a text with templates. No body of the API is larger."""
MAX_TAGS = 1_000
MAX_TAG = 2_000
"""Characters of one tag. The library takes quadratic time for a long one."""
MAX_BRACKETS = 20
"""Of one tag. The library recurses into each."""
MAX_KEPT = 2_000_000
"""Characters of the templates that are kept parsed."""
OPENING = re.compile(r"\{\{|\{%")
CLOSING = {"{{": "}}", "{%": "%}"}
BRACES = re.compile(r"\{\{-?|-?\}\}|\{%[^%{}]*%\}|\{%|%\}")
"""What is not spoken of a text that is no template: braces, and whole tags."""
PIECE = re.compile(r"\{\{[^{}]*\}\}")
MARKUP = "twiml"
VERBATIM = re.compile(r"-?\s*(raw|comment|doc)\b")
"""Tags whose content is no template."""
# A character that a URL cannot have as it is. The others may be there on purpose.
URL_SAFE = "%:/?#[]@!$&'()*+,;=~"

log = logging.getLogger(__name__)


def has_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def fill(text: str, values: JsonObject, *, escapes: bool = False) -> str:
    """The text, rendered once: a value is never a template. An unknown name is empty.

    A text that cannot be parsed keeps its good ``{{pieces}}``, and loses the braces of the others.
    ``escapes``: the text is XML, and a value is a text in it.
    """
    if not has_template(text):
        return text
    template = _cache.get(text, escapes=escapes)
    if isinstance(template, str):
        return _in_pieces(text, values, escapes=escapes)
    try:
        return template.render(values)
    except Exception as error:
        log.warning("a template was not rendered: %s", _sentence(error))
        return stripped(text)


def fill_all(value: Any, values: JsonObject) -> Any:
    """The JSON value with all its texts rendered. Names of fields stay."""
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, Mapping):
        return {name: _fill_field(value, name, values) for name in value}
    if isinstance(value, list | tuple):
        return [fill_all(each, values) for each in value]
    return value


def _fill_field(holder: Mapping[str, Any], name: str, values: JsonObject) -> Any:
    if is_markup(holder, name):
        return fill(holder[name], values, escapes=True)
    return fill_all(holder[name], values)


def is_markup(holder: Mapping[str, Any], name: str) -> bool:
    """Whether this field is XML: the ``twiml`` of a ``transferPlan``, which has a ``mode``."""
    return name == MARKUP and "mode" in holder and isinstance(holder[name], str)


def fill_url(url: str, values: JsonObject) -> str:
    """The same for a URL: spaces and other letters of a value are escaped."""
    return quote(fill(url, values), safe=URL_SAFE) if has_template(url) else url


def problem(text: str) -> str | None:
    """Why this text is no template, as a sentence; None: it is one, or has none."""
    if not has_template(text):
        return None
    template = _cache.get(text)
    if isinstance(template, str):
        return template
    unknown = template.unknown_filters()
    return f"has a filter that does not exist: {', '.join(unknown)}" if unknown else None


def stripped(text: str) -> str:
    """The text without the signs of templates."""
    return BRACES.sub("", text)


def _in_pieces(text: str, values: JsonObject, *, escapes: bool) -> str:
    """Each ``{{piece}}`` by itself, without tags."""
    room = MAX_TAGS

    def one(found: re.Match[str]) -> str:
        nonlocal room
        room -= 1
        good = room >= 0 and not isinstance(_cache.get(found[0], escapes=escapes), str)
        return fill(found[0], values, escapes=escapes) if good else stripped(found[0])

    ends = [0, *(end for found in PIECE.finditer(text) for end in found.span()), len(text)]
    parts = [text[begin:end] for begin, end in pairwise(ends)]
    return "".join(
        PIECE.sub(one, part) if number % 2 else stripped(part) for number, part in enumerate(parts)
    )


def preload() -> None:
    """Import the library, and render once."""
    fill('{{ "now" | date: "%A" }}', {})


class _Cache:
    """Parsed templates by their text, the least used dropped first. Problems are kept too."""

    def __init__(self) -> None:
        self._kept = OrderedDict[tuple[str, bool], "Template | str"]()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, text: str, *, escapes: bool = False) -> Template | str:
        """The template, or the sentence that says why the text is none."""
        key = text, escapes
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        parsed = _parse(text, escapes=escapes)
        with self._lock:
            if key not in self._kept:
                self._size += len(text)
            self._kept[key] = parsed
            while self._size > MAX_KEPT:
                dropped, _ = self._kept.popitem(last=False)
                self._size -= len(dropped[0])
        return parsed


_cache = _Cache()


def _parse(text: str, *, escapes: bool) -> Template | str:
    if why := _too_much(text):
        return why
    from app.domain.assistant.liquid import engine  # half a second, once

    try:
        return engine.parse(text, escapes=escapes)
    except Exception as error:
        return f"has a template that cannot be parsed: {_sentence(error)}"


def _too_much(text: str) -> str | None:
    """What the library would take long for, found in one pass."""
    if len(text) > MAX_TEXT:
        return f"has templates and must then be at most {MAX_TEXT} characters"
    at, tags = 0, 0
    while opening := OPENING.search(text, at):
        end = text.find(CLOSING[opening[0]], opening.end())
        if end < 0:
            return f"has a template that cannot be parsed: {opening[0]} is not closed"
        if end - opening.end() > MAX_TAG:
            return f"has a template that cannot be parsed: a tag is over {MAX_TAG} characters"
        if text.count("[", opening.end(), end) > MAX_BRACKETS:
            return f"has a template that cannot be parsed: a tag has over {MAX_BRACKETS} ["
        at, tags = end + 2, tags + 1
        if verbatim := VERBATIM.match(text, opening.end()) if opening[0] == "{%" else None:
            at = text.find(f"end{verbatim[1]}", at)
            if at < 0:
                return f"has a template that cannot be parsed: {verbatim[1]} is not closed"
        if tags > MAX_TAGS:
            return f"must have at most {MAX_TAGS} templates"
    return None


def _sentence(error: Exception) -> str:
    """The library's message without the lines of the template, which may hold secrets."""
    return str(getattr(error, "message", None) or error).split("\n")[0][:200]
