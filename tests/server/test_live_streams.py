"""``/dashboard/live``: who gets a stream, what it says, and when it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask

from app.domain.login import sessions
from app.server import live_streams
from app.server.asgi import build
from app.server.live_streams import LiveStreams
from app.store import calls
from app.wiring import Services
from tests.store.rows import add_call, add_org

Test = Callable[["Page", LiveStreams], Awaitable[None]]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_streams, "LOOK_SECONDS", 0.01)


class Page:
    """An open page, as the web server shows it to the application."""

    def __init__(self, streams: Any, cookie: str) -> None:
        self._gone = asyncio.Event()
        self._has_asked = False
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        headers = [(b"cookie", f"a=b; patchbay_session={cookie}".encode())]
        scope = {"type": "http", "method": "GET", "path": live_streams.PATH, "headers": headers}
        self.task = asyncio.ensure_future(streams(scope, self._receive, self.sent.put))

    async def _receive(self) -> dict[str, Any]:
        if not self._has_asked:  # the empty body comes first
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        return int((await self.sent.get())["status"])

    async def event(self) -> str:
        """The next event with data."""
        while not (body := (await self.sent.get())["body"]).startswith(b"data: "):
            assert body, "the stream has ended"
        return str(body.decode())

    async def leave(self) -> None:
        self._gone.set()
        await self.task


def cookie(services: Services, org: str = "org", role: str = sessions.LOOK) -> str:
    return sessions.sealed(services.context, sessions.begin(services.context, org, role))


def run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test

    asyncio.run(bounded())


def test_a_changed_call_is_an_event(services: Services, app: Flask) -> None:
    """Through the whole application. Two pages share one question to the store."""

    async def test() -> None:
        application = build(app)
        pages = [Page(application, cookie(services)) for _ in range(2)]
        assert [await page.status() for page in pages] == [200, 200]
        before = {await page.event() for page in pages}
        now = services.context.now()
        with services.store.write() as conn:
            call = add_call(conn, "org", created_at=now, updated_at=now)
        created = {await page.event() for page in pages}
        with services.store.write() as conn:
            calls.update(conn, call, {"status": "ringing", "updated_at": services.context.now()})
        changed = {await page.event() for page in pages}
        assert len(before | created | changed) == 3
        assert len(application.live._watches) == 1
        for page in pages:
            await page.leave()
        assert not application.live._watches

    with services.store.write() as conn:
        add_org(conn, "org")
    run(test())


@pytest.mark.parametrize("text", ["", "x", "é"])
def test_without_a_session_there_is_no_stream(services: Services, text: str) -> None:
    async def test() -> None:
        assert await Page(LiveStreams(services.context), text).status() == 401

    run(test())


def test_streams_are_bounded(services: Services) -> None:
    async def test() -> None:
        streams = LiveStreams(services.context, most=1)
        first = Page(streams, cookie(services))
        assert await first.status() == 200
        assert await Page(streams, cookie(services)).status() == 503
        await first.leave()
        again = Page(streams, cookie(services))
        assert await again.status() == 200
        await again.leave()

    run(test())


def test_a_stop_ends_every_stream(services: Services) -> None:
    async def test() -> None:
        streams = LiveStreams(services.context)
        page = Page(streams, cookie(services))
        assert await page.status() == 200
        await page.event()
        streams.close()
        await page.task
        assert await Page(streams, cookie(services)).status() == 503

    run(test())


def test_a_stream_ends_so_that_its_session_is_looked_at_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_streams, "LONGEST_SECONDS", 0.0)

    async def test() -> None:
        page = Page(LiveStreams(services.context), cookie(services))
        await page.task
        assert await page.status() == 200

    run(test())


def test_a_store_that_fails_ends_no_stream(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def fail(*_: object) -> str:
        asked.set()
        raise live_streams.SQLAlchemyError("gone")

    monkeypatch.setattr(live_streams.rows, "live_revision", fail)

    async def test() -> None:
        page = Page(LiveStreams(services.context), cookie(services))
        assert await page.status() == 200
        await asyncio.to_thread(asked.wait)
        assert not page.task.done()
        with suppress(asyncio.CancelledError):
            await page.leave()

    run(test())


def test_a_look_without_a_thread_is_not_the_last(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_thread, looks = asyncio.to_thread, list[str]()

    async def refuse_first(function: Callable[..., str], *args: object) -> str:
        looks.append(function.__name__)
        if looks == ["opened", looks[-1]]:  # the session was found: this is the first look
            raise RuntimeError("can't start new thread")
        return await to_thread(function, *args)

    monkeypatch.setattr(asyncio, "to_thread", refuse_first)

    async def test() -> None:
        page = Page(LiveStreams(services.context), cookie(services))
        assert await page.status() == 200
        await page.event()
        await page.leave()

    run(test())
    assert len(looks) > 2
