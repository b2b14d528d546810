"""Whether an assistant can answer a call. Only the fields this program acts on are checked.

The API checks an assistant when it is stored. This check is for a server's reply, and for
stored assistants: the settings may have changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from app.domain.assistant.fields import is_absent
from app.domain.assistant.outgoing import UrlProblem, check_sendable, check_urls
from app.domain.errors import Invalid
from providers.common.json_types import JsonObject

SECONDS = range(10, 43201)


def problem(assistant: JsonObject, url_problem: UrlProblem) -> str | None:
    """A sentence that names the first wrong field; None when the assistant can answer."""
    given = {name: value for name, value in assistant.items() if not is_absent(name, value)}
    for name, ok in FIELDS.items():
        if name in given and not ok(given[name]):
            return f"{name} is not valid"
    try:
        check_urls(given, url_problem)
    except Invalid as error:
        return str(error)
    return None


def unsendable(given: JsonObject | None) -> str | None:
    """A sentence that names what cannot be sent of a server's reply.

    A stored assistant may have one from before the check: its calls go on.
    """
    try:
        check_sendable(given or {})
    except Invalid as error:
        return str(error)
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_url(value: Any, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return parts is not None and parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        return False


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and value in SECONDS


def _is_server(value: Any) -> bool:
    if not _is_object(value) or not isinstance(value.get("headers") or {}, Mapping):
        return False
    texts = [value.get("secret"), *(value.get("headers") or {}).values()]
    url = value.get("url")
    return (not url or _is_url(url)) and all(text is None or _is_text(text) for text in texts)


def _is_transport(value: Any) -> bool:
    if not _is_object(value) or not isinstance(value.get("headers") or {}, Mapping):
        return False
    url = value.get("url")
    if not url:
        return bool(value.get("provider") != "stream")
    return _is_url(url, ("ws", "wss"))


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_name,
    "firstMessage": _is_text,
    "maxDurationSeconds": _is_seconds,
    "server": _is_server,
    "serverUrl": _is_url,
    "serverUrlSecret": _is_text,
    "serverMessages": _is_words,
    "transport": _is_transport,
    "metadata": _is_object,
}
