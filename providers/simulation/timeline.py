"""HTTP from a simulator to the bridge, written into a timeline; callbacks with injected faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3


class SimulatorError(Exception):
    """The scenario cannot go on. ``str()`` is for the reader of the timeline."""


class Timeline:
    """One line for each request and message, printed at once."""

    def __init__(self, out: Callable[[str], object]) -> None:
        self.lines: list[str] = []
        self._out = out
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def add(self, who: str, what: str) -> None:
        with self._lock:
            line = f"+{time.monotonic() - self._began:.3f} s  {who:<18}  {what}"
            self.lines.append(line)
            self._out(line)


def speaker(line: str) -> str:
    """Who a timeline's line is about, as it was added."""
    return line.partition(" s  ")[2].partition("  ")[0]


# ------------------------------------------------------------------ HTTP


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. ``status`` 0: none came."""

    status: int
    body: bytes
    content_type: str = ""
    fault: str = ""
    """Why there is no response."""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ``SimulatorError`` if it is not."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise SimulatorError(f"not JSON: {self.text[:200]!r}") from error


class HttpClient:
    """HTTP to the origins that take part in the run, and to no others."""

    def __init__(self, timeline: Timeline, *urls: str) -> None:
        self._timeline = timeline
        # Every request of the run.
        self.sent: list[Request] = []
        self._origins = {origin(url) for url in urls}
        # The longest that a carrier waits: 5 s to connect, 15 s for the response.
        # https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
        timeout = urllib3.Timeout(connect=5, read=15)
        self._pool = urllib3.PoolManager(maxsize=8, timeout=timeout, retries=False)

    def allow(self, url: str) -> None:
        self._origins.add(origin(url))

    def knows(self, url: str) -> bool:
        """Whether the URL's origin takes part."""
        return origin(url) in self._origins

    def send(
        self,
        who: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        label: str = "",
        quiet: bool = False,
    ) -> Response:
        """Send one request, never redirected or repeated.

        Raises ``SimulatorError`` for another origin's URL.
        """
        if not self.knows(url):
            named = ", ".join(sorted(self._origins))
            raise SimulatorError(f"{url} is not of {named}: is the bridge's PUBLIC_URL right?")
        self.sent.append(Request(method, url, headers, body))
        response = self._exchange(method, url, headers, body)
        if not quiet:
            line = f"{method} {urlsplit(url).path} {label}".rstrip()
            self._timeline.add(who, f"{line}  {response.fault or response.status}")
        return response

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            answer = self._pool.request(
                method, url, body=body or None, headers=dict(headers), redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            return Response(0, b"", fault=f"no answer ({type(error).__name__})")
        return Response(answer.status, answer.data, answer.headers.get("Content-Type", ""))

    def close(self) -> None:
        self._pool.clear()


def origin(url: str) -> str:
    """``scheme://host:port`` as the URL spells it, in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def extended(url: str, params: Mapping[str, str]) -> str:
    """The URL with parameters appended to its query."""
    if not params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"


# ------------------------------------------------------------------ callbacks on their way


class FaultInjector:
    """Sends callbacks in a thread: in order, in several copies at once, or later and shuffled."""

    def __init__(self) -> None:
        self.copies = 1
        self._held: list[Callable[[], Response]] | None = None
        self._queue = ThreadPoolExecutor(1, "callbacks")
        self._copier = ThreadPoolExecutor(4, "copies")
        self._sent: list[Future[Response]] = []

    def post(self, send: Callable[[], Response]) -> None:
        """Send a callback whose response does not matter. The call does not wait for it."""
        if self._held is not None:
            self._held.append(send)
            return
        with suppress(RuntimeError):  # the run is over, so no call waits for this one
            self._sent.append(self._queue.submit(self.ask, send))

    def ask(self, send: Callable[[], Response]) -> Response:
        """Send a request whose response decides what follows.

        Of several copies the first response counts.
        """
        if self.copies == 1:
            return send()
        copies = [self._copier.submit(send) for _ in range(self.copies)]
        answers = [copy.result() for copy in copies]
        return answers[0]

    def hold(self) -> None:
        """Hold back what is posted from now on."""
        self._held = []

    def release(self, order: Random | None) -> None:
        """Post what was held back, in another order; None: in its own."""
        held, self._held = self._held or [], None
        if order is not None:
            order.shuffle(held)
        for send in held:
            self.post(send)

    def flush(self) -> list[int]:
        """Wait until every callback is answered. Returns the statuses of refused ones.

        Raises the requests' errors.
        """
        sent, self._sent = self._sent, []
        statuses = [future.result().status for future in sent]
        return [status for status in statuses if not 200 <= status < 300]

    def close(self) -> None:
        self._queue.shutdown()
        self._copier.shutdown()
