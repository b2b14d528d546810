"""Callbacks that a person copied from a log, a proxy or a browser, as requests again.

The text is one request, or several: JSON lines, form bodies, a JSON array, or a HAR file.
http://www.softwareishard.com/blog/har-12-spec/#entries
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from providers.base.webhook import WebhookRequest
from providers.common import foreign_json

MOST = 200
"""Callbacks of one text: more than any call has."""
SOME_URL = "https://pasted.invalid/"
"""The address of a callback that was pasted without one."""
FORM = "application/x-www-form-urlencoded"


class NotReadable(ValueError):
    """The text holds no callbacks, and the sentence says why."""


class Pasted(NamedTuple):
    """One callback, and its fields whatever form they came in."""

    number: int
    request: WebhookRequest
    fields: Mapping[str, Any]


def read(text: str, received_at: datetime) -> list[Pasted]:
    """The callbacks in their order. Raises ``NotReadable``."""
    found = list(_entries(text.strip()))
    if not found:
        raise NotReadable("there is no callback in it")
    if len(found) > MOST:
        raise NotReadable(f"it has {len(found)} callbacks, and {MOST} are the limit")
    return [_pasted(number, each, received_at) for number, each in enumerate(found, 1)]


def _entries(text: str) -> Iterator[Any]:
    """Objects of JSON and bodies of forms."""
    try:
        whole = foreign_json.parse(text) if text[:1] in ("{", "[") else None
    except ValueError:
        whole = None  # JSON lines
    if isinstance(whole, list):
        yield from whole
    elif isinstance(whole, dict):
        log = whole.get("log")
        entries = log.get("entries") if isinstance(log, dict) else None
        yield from entries if isinstance(entries, list) else [whole]
    else:
        yield from (_line(number, line) for number, line in _lines(text))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _line(number: int, line: str) -> Any:
    if line[0] in "{[":
        try:
            return foreign_json.parse(line)
        except ValueError as error:
            raise NotReadable(f"line {number} is not JSON: {error}") from error
    if "=" not in line.partition("&")[0]:
        raise NotReadable(f"line {number} is neither JSON nor a form")
    return line


def _pasted(number: int, given: Any, received_at: datetime) -> Pasted:
    entry: Mapping[str, Any] = given if isinstance(given, dict) else {"body": given}
    inner = entry.get("request")
    request: Mapping[str, Any] = inner if isinstance(inner, dict) else entry
    url = request.get("url")
    named = isinstance(url, str) and ("body" in request or "method" in request)
    body = _body(request) if named or "body" in request else request
    method = str(request.get("method") or "POST").upper() if named else "POST"
    at = _time(entry.get("startedDateTime") or entry.get("receivedAt")) or received_at
    return _request(number, method, str(url) if named else SOME_URL, body, at)


def _body(request: Mapping[str, Any]) -> Any:
    """The body as ``body``, or as HAR has it: ``postData`` with a text or with parameters."""
    if "body" in request:
        return request["body"]
    data = request.get("postData")
    if not isinstance(data, dict):
        return ""
    params = [each for each in data.get("params") or () if isinstance(each, dict)]
    if data.get("text") or not params:
        return str(data.get("text") or "")
    return urlencode([(str(each.get("name")), str(each.get("value") or "")) for each in params])


def _request(number: int, method: str, url: str, body: Any, at: datetime) -> Pasted:
    """A request with a body in one of the two forms, and the fields of either."""
    if isinstance(body, str) and body.lstrip()[:1] == "{":
        try:
            body = foreign_json.parse(body)
        except ValueError as error:
            raise NotReadable(f"callback {number} has a body that is not JSON: {error}") from error
    query = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    if isinstance(body, dict):
        raw, kind, fields = json.dumps(body).encode(), "application/json", {**query, **body}
    elif isinstance(body, str):
        raw, kind = body.strip().encode(errors="replace"), FORM
        fields = {**query, **dict(parse_qsl(body.strip(), keep_blank_values=True))}
    else:
        raise NotReadable(f"callback {number} is neither a JSON object nor a form")
    return Pasted(number, WebhookRequest(method, url, [("content-type", kind)], raw, at), fields)


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
