"""How commands come to the desk of the call they are for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.domain.services.media import StreamClaim
from app.media.call_context import CallContext
from app.media.close_reason import CloseCause, CloseReason
from app.media.session import MediaSession
from app.store.commands import Command
from tests.clock import idle, on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.server import QUICK, Served, calling, listen, loud, serving

TWILIO = TwilioCaller()
SLEEPY = replace(QUICK, watch_seconds=3600)
SAY = Command("token-1", {"type": "say", "content": "Hello."})


async def session_of(served: Served) -> MediaSession:
    """The only one, once it is up."""
    while True:
        for session in served.application.hub._sessions:
            if session.monitor is not None:
                return session
        await asyncio.sleep(0)


async def desk_of(served: Served) -> CallContext:
    return (await session_of(served)).call_context


@on_loop
async def test_those_that_waited_for_the_socket() -> None:
    domain = Domain()
    domain.given.append(SAY)
    async with serving(domain, SLEEPY) as served, calling(served, TWILIO):
        call_context = await desk_of(served)
        assert await call_context.commands.get() == SAY.body
        assert call_context.received("say")
        assert not call_context.received("voicemail")


@pytest.mark.parametrize("nudged", [True, False])
@on_loop
async def test_later_ones(nudged: bool) -> None:
    """At once with a nudge, else at the watcher's next look."""
    domain = Domain()
    limits = SLEEPY if nudged else QUICK
    async with serving(domain, limits) as served, calling(served, TWILIO):
        call_context = await desk_of(served)
        domain.given.append(SAY)
        if nudged:
            [nudge] = domain.media_wakers
            await asyncio.to_thread(nudge, "token-1")
        assert await call_context.commands.get() == SAY.body


@on_loop
async def test_a_store_that_fails_delays_them(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = Domain()
    asked, commands = list[int](), domain.commands

    def failing(seats: Collection[StreamClaim]) -> Any:
        asked.append(len(seats))
        if len(asked) < 3:
            raise OperationalError("x", {}, Exception())
        return commands(seats)

    monkeypatch.setattr(domain, "commands", failing)
    domain.given.append(SAY)
    async with serving(domain) as served, calling(served, TWILIO):
        assert await (await desk_of(served)).commands.get() == SAY.body


@pytest.mark.parametrize("look", [1, 2])
@on_loop
async def test_those_that_are_taken_late_are_delivered_late(
    look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once taken, no other look finds them: the first is the session's, the next the hub's."""
    domain, free, asked = Domain(), threading.Event(), list[int]()
    failed, commands = asyncio.Event(), domain.commands

    def stall(seats: Collection[StreamClaim]) -> Any:
        asked.append(len(seats))
        if len(asked) != look:
            return commands(seats)
        domain.given.append(SAY)
        taken = commands(seats)
        with idle():
            free.wait()
        return taken

    monkeypatch.setattr(domain, "commands", stall)
    monkeypatch.setattr(domain, "store_failed", lambda _: failed.set())
    async with serving(domain) as served, calling(served, TWILIO):
        call_context = await desk_of(served)
        await failed.wait()
        free.set()
        assert await call_context.commands.get() == SAY.body


@on_loop
async def test_a_socket_that_ends_takes_none() -> None:
    """They are for the one that replaces it."""
    domain = Domain()
    async with serving(domain, SLEEPY) as served, calling(served, TWILIO) as carrier:
        session = await session_of(served)
        await carrier.send(TWILIO.sound(loud(TWILIO)))
        await listen(TWILIO, carrier, 1)  # the echo: what was given before it is taken
        session.close_once.set(CloseReason(CloseCause.LOST))
        domain.given.append(SAY)
        served.application.hub.wake("token-1")
        await domain.hears("lost")
        while served.application.hub._sessions:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert domain.given == [SAY]
