"""Flask behind ASGI in one hop: the event loop reads the body, one thread makes the whole response.

Request and response are held in memory, so bodies are capped. Only a file, passed as PEP 3333's
``wsgi.file_wrapper``, is sent while it is read. A slow client costs a coroutine, never a thread.

https://asgi.readthedocs.io/en/latest/specs/www.html https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from app.deadline import Deadline
from app.jobs.foreground import Foreground
from app.routes.errors import error_body
from app.server.admission import Admission, Overloaded
from app.server.environ import Environ, File, Scope, environ_of
from app.server.thread_pool import ThreadPool, TooLate
from app.telemetry.once_a_minute import FewLines

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY = 256 * 1024
UPLOADS, MAX_UPLOAD = "/file", 1_020_000
"""The one path that takes files, and its limit."""
# The longest time from a request's head to the end of its body.
BODY_SECONDS = 30.0
# Seconds until a request is answered with 503, whatever it waits for: those that are first, and
# clients'. The wait for a server of the client's own does not count (``app/deadline.py``).
FIRST_SECONDS, CLIENT_SECONDS = 5.0, 8.0
THREADS = 10
# Threads of their own for files: a blob store that hangs must not block other requests.
FILE_THREADS = 4
# Statuses that never have a body, 1xx aside. https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
BODILESS = (204, 304)
OVERLOADED = "Too many requests are waiting: try again"
TOO_LATE = "The answer took too long: try again"
RETRY_AFTER = ("retry-after", "1")

log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """One whole HTTP response. A ``file`` follows its body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    file: File | None = None


WhileBusy = Mapping[str, Callable[[], Reply | None]]
"""By path. None: the request waits for a thread."""


class _Left(Exception):
    """The client closed before its request was complete."""


class _Unread(Exception):
    """The body is not read; the arguments are the status to answer, and the limit in bytes."""


class Paths(NamedTuple):
    """What the bridge must know of a path before it has a thread for the request."""

    at_once: frozenset[str] = frozenset()
    """Paths whose answer needs no wait for anything: the event loop itself makes it."""
    first: frozenset[str] = frozenset()
    """First segments of paths whose requests are never refused, and go before all others."""

    def is_first(self, path: str) -> bool:
        return path.partition("/")[2].partition("/")[0] in self.first


NO_PATHS = Paths()


class Bridge:
    """One WSGI application as an ASGI application, for ``http`` scopes.

    An exception of the application is logged and answered with 500. A body over ``max_body`` bytes
    gets 413, one that takes longer than ``body_seconds`` 408. When too many requests wait for a
    thread, those that are not first get 503. So does each at its deadline. All have Vapi's error
    shape.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        paths: Paths = NO_PATHS,
        while_busy: WhileBusy | None = None,
        refused: Callable[[], None] = lambda: None,
        foreground: Foreground | None = None,
        threads: int = THREADS,
        max_body: int = MAX_BODY,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """``while_busy``: what the loop itself answers for a path while no thread is free.

        ``refused`` is called for each request that got 503. ``foreground`` knows of all.
        """
        self._app = app
        self._paths = paths
        self._while_busy = while_busy or {}
        self._refused = refused
        self._admission = Admission(threads)
        self._overload = FewLines(log)
        self._foreground = foreground or Foreground()
        self._max_body = max_body
        self._body_seconds = body_seconds
        self._pool = ThreadPool(threads, "http")
        self._files = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="files")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(scope, receive)
        except _Left:
            return
        wire, body, file = _framed(scope["method"], reply)
        await send({"type": "http.response.start", "status": reply.status, "headers": wire})
        if file is not None:
            await self._stream(file, receive, send)
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, file: File, receive: Receive, send: Send) -> None:
        """Send block by block, as fast as the client reads, until it has all or has closed."""
        loop = asyncio.get_running_loop()
        gone = asyncio.ensure_future(receive())  # only a disconnect can come
        try:
            while not gone.done():
                block = await loop.run_in_executor(self._files, file.next_block)
                if not block:
                    return
                await send({"type": "http.response.body", "body": block, "more_body": True})
        finally:
            gone.cancel()
            await loop.run_in_executor(self._files, file.close)

    def close(self) -> None:
        """Wait for the running requests; blocks until they have ended."""
        self._pool.close()
        self._files.shutdown()

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await self._read(scope, receive)
        except TimeoutError:
            return error_reply(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive")
        except _Unread as refusal:
            status, most = refusal.args
            return error_reply(status, f"The body is over {most} bytes")
        if scope["path"] in self._paths.at_once:
            return self._call(environ_of(scope, body))
        if self._admission.is_full and (reply := self._without_thread(scope)):
            return reply
        self._foreground.begin()
        try:
            return await self._served(scope, body)
        except Overloaded:
            self._refused()
            return self._without_thread(scope) or unavailable(OVERLOADED)
        except TooLate:
            return self._without_thread(scope) or unavailable(TOO_LATE)
        finally:
            self._foreground.end()

    def _without_thread(self, scope: Scope) -> Reply | None:
        answer = self._while_busy.get(scope["path"])
        return answer() if answer else None

    async def _served(self, scope: Scope, body: bytes) -> Reply:
        """The application's answer, from a thread. Raises ``Overloaded`` or ``TooLate``."""
        first, environ = self._paths.is_first(scope["path"]), environ_of(scope, body)
        until = Deadline(time.monotonic() + (FIRST_SECONDS if first else CLIENT_SECONDS))
        await self._admission.enter(first=first)
        try:
            reply = self._pool.run(self._call, environ, until, self._admission.leave)
        except RuntimeError as error:
            self._admission.leave()
            self._overload.warning("the system has no thread for requests: %s", error)
            raise Overloaded from error
        return await reply

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        most = MAX_UPLOAD if scope["path"] == UPLOADS else self._max_body
        if _declared_length(scope) > most:
            raise _Unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
        parts, size, more = list[bytes](), 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Left
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise _Unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
            more = message.get("more_body", False)
        return b"".join(parts)

    def _call(self, environ: Environ) -> Reply:
        try:
            return _run(self._app, environ)
        except Exception:
            log.exception("the application failed on %s", environ["REQUEST_METHOD"])
            return error_reply(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")


def error_reply(status: HTTPStatus, message: str, *more: tuple[str, str]) -> Reply:
    """An error in Vapi's shape. ``more``: further headers."""
    headers = [("content-type", "application/json"), *more]
    return Reply(status, headers, error_body(status, message).encode())


def unavailable(message: str) -> Reply:
    """A 503 that asks to come again."""
    return error_reply(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_AFTER)


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"")
    return int(declared[:20]) if declared.isdigit() else 0


def _run(app: WSGIApplication, environ: Environ) -> Reply:
    started, chunks = list[tuple[str, list[tuple[str, str]]]](), list[bytes]()

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        started[:] = [(status, headers)]  # no byte is sent yet: an error may replace it
        return chunks.append

    result = app(environ, start)
    if isinstance(result, File):
        status, headers = started[0]
        return Reply(int(status[:3]), headers, b"", result)
    try:
        chunks.extend(result)
    finally:
        getattr(result, "close", lambda: None)()
    status, headers = started[0]
    return Reply(int(status[:3]), headers, b"".join(chunks))


def _framed(method: str, reply: Reply) -> tuple[list[tuple[bytes, bytes]], bytes, File | None]:
    """Headers, body and file, with the length that the response's status and method allow."""
    status, headers, body, file = reply
    wire = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if method == "HEAD" or status == 304:
        return wire, b"", None  # the length is that of a GET
    if file is not None:
        return wire, body, file
    wire = [header for header in wire if header[0] != b"content-length"]
    if status in BODILESS or status < 200:
        return wire, b"", None
    wire.append((b"content-length", b"%d" % len(body)))
    return wire, body, None
