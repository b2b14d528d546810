"""``/dashboard/live``: tells open pages that a call has changed, as server-sent events.

The event loop serves it, so that an open page holds no thread. An event has no data of a call: the
page asks for its part again. One question to the store a second serves all pages of an
organisation.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.dashboard.cookies import SESSION
from app.domain.context import Context
from app.domain.dashboard import rows
from app.domain.login import sessions
from app.domain.login.sessions import Session
from app.server.environ import Scope
from app.server.wsgi_bridge import Receive, Send

PATH = "/dashboard/live"
MOST = 40
"""Streams of this process. A page that gets none asks every few seconds instead."""
LOOK_SECONDS = 1.0
QUIET_SECONDS = 15.0
"""After so long without an event a comment is sent: proxies close silent connections."""
LONGEST_SECONDS = 600.0
"""Then the stream ends and the browser opens another, which looks at the session again."""

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep the events back
    (b"x-content-type-options", b"nosniff"),
]

log = logging.getLogger(__name__)


class _Watch:
    """What one organisation's pages share: the newest revision, and those who wait for it."""

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self.revision = ""
        self.changed = asyncio.Event()
        self.streams = 0
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                found = await asyncio.to_thread(self._look)
            # the store says it elsewhere; it may come back, and so may the system's threads
            except (SQLAlchemyError, RuntimeError):
                found = self.revision
            if found != self.revision:
                self.revision = found
                self.wake()
            await asyncio.sleep(LOOK_SECONDS)

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class LiveStreams:
    """The open streams of this process."""

    def __init__(self, context: Context, most: int = MOST) -> None:
        self._context = context
        self._most = most
        self._watches: dict[str, _Watch] = {}
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = _cookie(scope)
        if self._closed or self._count() >= self._most:
            return await _refuse(send, HTTPStatus.SERVICE_UNAVAILABLE)
        session = await asyncio.to_thread(sessions.opened, self._context, text) if text else None
        if session is None:
            return await _refuse(send, HTTPStatus.UNAUTHORIZED)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await self._serve(session, gone, send)
        finally:
            gone.cancel()
        return None

    def close(self) -> None:
        """End every stream: the process stops."""
        self._closed = True
        for watch in self._watches.values():
            watch.wake()

    def _count(self) -> int:
        return sum(watch.streams for watch in self._watches.values())

    async def _serve(self, session: Session, gone: asyncio.Future[None], send: Send) -> None:
        watch = self._watch(session.org_id)
        until = time.monotonic() + LONGEST_SECONDS
        try:
            seen = ""
            while not (gone.done() or self._closed or time.monotonic() > until):
                changed = watch.changed
                text = f"data: {watch.revision}\n\n" if watch.revision != seen else ": quiet\n\n"
                seen = watch.revision
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
                await _first_of(gone, changed, QUIET_SECONDS)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._leave(session.org_id)

    def _watch(self, org_id: str) -> _Watch:
        if org_id not in self._watches:
            self._watches[org_id] = _Watch(lambda: rows.live_revision(self._context, org_id))
        self._watches[org_id].streams += 1
        return self._watches[org_id]

    def _leave(self, org_id: str) -> None:
        """The last one to leave ends the questions to the store."""
        watch = self._watches[org_id]
        watch.streams -= 1
        if not watch.streams:
            watch.task.cancel()
            del self._watches[org_id]


async def _disconnected(receive: Receive) -> None:
    """Wait until the page is closed. What it sends before, the request's body, is nothing to us."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(gone: asyncio.Future[None], changed: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.ensure_future(changed.wait())
    either: set[asyncio.Future[Any]] = {gone, waiting}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def _refuse(send: Send, status: HTTPStatus) -> None:
    headers = [(b"content-length", b"0"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _cookie(scope: Scope) -> str | None:
    """The sealed session in the request's cookies."""
    sent = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    try:
        found = SimpleCookie(sent.decode("latin-1")).get(SESSION)
    except CookieError:
        return None
    return found.value if found else None
