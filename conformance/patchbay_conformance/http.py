"""HTTP as the kit needs it: one request to the address that is meant, no redirects, no retries."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from patchbay_conformance.verdict import Failed

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SECURE = {"https", "wss"}
BUSY = {429, 503}


@dataclass(frozen=True)
class Answer:
    """``headers``: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server wants the request again; None: it does not."""
        given = self.headers.get("retry-after", "")
        return float(given) if self.status in BUSY and given.isdecimal() else None

    def json(self) -> Any:
        """The body. Raises ``Failed`` unless it is JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed(f"the body of {self} is not JSON") from None

    def __str__(self) -> str:
        return f"{self.status} {self.text[:200]!r}"


def send(
    method: str, url: str, headers: Mapping[str, str], body: bytes = b"", seconds: float = 30.0
) -> Answer:
    """One request; its answer. Raises ``OSError`` and ``http.client.HTTPException``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    connection: http.client.HTTPConnection
    if parts.scheme in SECURE:
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body=body or None, headers=dict(headers))
        response = connection.getresponse()
        got = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, got, response.read())
    finally:
        connection.close()


def place(url: str) -> tuple[str, int]:
    """Host and port of a URL; the port of its scheme, if it names none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def moved(url: str, public_url: str, there: str) -> str:
    """The URL, led to ``there`` if it lies on ``public_url``. Its fragment goes.

    A server behind a proxy names its public address in documents. Signatures keep that one.
    """
    parts, goal = urlsplit(url), urlsplit(there)
    bare = urlunsplit(parts._replace(fragment=""))
    # The port of the scheme counts: https and wss are the same place.
    if place(url) != place(public_url):
        return bare
    socket = parts.scheme in {"ws", "wss"}
    secure = goal.scheme in SECURE
    scheme = ("wss" if secure else "ws") if socket else goal.scheme
    return urlunsplit(parts._replace(scheme=scheme, netloc=goal.netloc, fragment=""))
