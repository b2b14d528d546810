"""A process that stops: its calls may end by themselves, and what becomes of the others."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.domain.services.media import StreamClaim
from app.media import drain as module
from app.media import heartbeat
from providers.events import EndedReason
from tests.clock import idle, in_real_time, on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.domain import Domain
from tests.media.server import calling, listen, loud, serving

TWILIO, VONAGE = TwilioCaller(), VonageCaller()


@pytest.fixture(autouse=True)
def _no_answers_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.0)


def patient(domain: Domain) -> Domain:
    """With no limit that a test would reach."""
    domain.presence.settings = replace(domain.presence.settings, drain_seconds=3600)
    return domain


@on_loop
async def test_a_call_goes_on_and_the_process_waits_for_its_end() -> None:
    domain = patient(Domain())
    domain.presence.peers = ()
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await domain.hears("joined")
        draining = asyncio.create_task(served.application.drain())
        await domain.until(lambda: domain.presence.draining)
        await carrier.send(TWILIO.sound(loud(TWILIO)))
        assert await listen(TWILIO, carrier, 320) == loud(TWILIO)
        with pytest.raises(InvalidStatus) as refusal:
            await connect(served.url("twilio", "token-2"), proxy=None)
        assert refusal.value.response.status_code == 503
        assert not draining.done()
        await carrier.send(TWILIO.stop())
        await draining
    assert domain.words() == ["claim", "joined", "stopped"]


@on_loop
async def test_a_socket_is_taken_while_the_process_listens_beside_its_successor() -> None:
    """A refusal would cost the call one of its few new attempts."""
    domain = patient(Domain())
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await domain.hears("joined")
        draining = asyncio.create_task(served.application.drain())
        await domain.until(lambda: domain.presence.draining)
        async with connect(served.url("twilio", "token-2"), proxy=None):
            await domain.until(lambda: domain.words().count("claim") == 2)
        await carrier.send(TWILIO.stop())
        await draining


@on_loop
async def test_gunicorn_hears_of_a_worker_that_stops() -> None:
    """Or it would take it for hung, and kill it."""
    domain, heard = patient(Domain()), asyncio.Event()

    async def notify() -> None:
        heard.set()

    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await domain.hears("joined")
        served.server.config.callback_notify = notify
        served.server.config.timeout_notify = 0
        stopping = asyncio.create_task(served.server.shutdown())
        await heard.wait()
        await carrier.send(TWILIO.stop())
        await stopping


@pytest.mark.parametrize("relieved", [True, False])
@on_loop
async def test_it_listens_until_somebody_else_answers(
    relieved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is seen at the first look may be a process that is told to stop at the same time."""
    domain = patient(Domain())
    domain.presence.peers = domain.presence.peers if relieved else ()
    stopped = list[str]()
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await domain.hears("joined")
        draining = asyncio.create_task(
            served.application.drain(lambda: stopped.append(str(domain.beats)))
        )
        first = domain.beats + 1
        await domain.until(lambda: domain.beats > first + 2)
        await carrier.send(TWILIO.stop())
        await draining
    assert bool(stopped) is relieved
    assert str(first) not in stopped


@on_loop
async def test_one_without_calls_tells_at_once_that_it_stops() -> None:
    """It may answer requests for seconds yet, and another that stops would count on it."""
    domain = Domain()
    told = list[bool]()
    beat = domain.heartbeat

    def noted() -> None:
        told.append(domain.presence.draining)
        beat()

    async with serving(domain) as served:
        domain.heartbeat = noted  # type: ignore[method-assign]
        await served.application.drain()
        assert told == [True]


@on_loop
async def test_a_store_that_fails_oddly_stops_no_stop() -> None:
    domain = Domain()

    def broken() -> None:
        raise OSError("no locks available")

    async with serving(domain) as served, calling(served, VONAGE) as carrier:
        await domain.hears("joined")
        domain.heartbeat = broken  # type: ignore[method-assign]
        await served.application.drain()
        await carrier.wait_closed()
    assert domain.words()[-1] == "lost"


@on_loop
async def test_with_nobody_to_take_it_over_a_call_is_ended() -> None:
    domain = Domain()
    domain.presence.peers = ()
    async with serving(domain) as served, calling(served, VONAGE) as carrier:
        await domain.hears("joined")
        await served.application.drain()
        await carrier.wait_closed()
        assert carrier.close_code == 1001
    told = next(told for told in domain.told if told[0] == "intend")
    assert told == ("intend", "token-1", EndedReason.SERVER_SHUTDOWN, module.NO_OTHER_PROCESS)
    assert "lost" not in domain.words()


@on_loop
async def test_an_heir_is_told_why_the_call_was_lost() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, VONAGE):
        await domain.hears("joined")
        await served.application.drain()
    assert domain.told[-1] == ("lost", "token-1", EndedReason.SERVER_SHUTDOWN)


@pytest.mark.parametrize("forced", [False, True])
@on_loop
async def test_calls_are_handed_over_one_after_the_other(forced: bool) -> None:
    """All at once would start as many assistants at once elsewhere. A hurry is one all the same."""
    domain, loop, count, drain = Domain(), asyncio.get_running_loop(), 5, 20.0
    domain.presence.settings = replace(domain.presence.settings, drain_seconds=drain)
    lost_at, lost = list[float](), domain.lost

    def noted(*told: Any) -> None:
        lost_at.append(loop.time())
        lost(*told)

    domain.lost = noted  # type: ignore[method-assign]
    async with serving(domain) as served, AsyncExitStack() as stack:
        for number in range(count):
            await stack.enter_async_context(calling(served, VONAGE, f"token-{number}"))
        await domain.until(lambda: domain.words().count("joined") == count)
        began = loop.time()
        if forced:
            served.application.force_drain()
        await served.application.drain()
        took = loop.time() - began
    between = [later - earlier for earlier, later in itertools.pairwise(lost_at)]
    assert len(lost_at) == count
    assert all((each >= module.APART_SECONDS / 2) is not forced for each in between)
    assert took < drain + 1


@on_loop
async def test_hurry_ends_the_wait() -> None:
    domain = patient(Domain())
    async with serving(domain) as served, calling(served, VONAGE):
        await domain.hears("joined")
        draining = asyncio.create_task(served.application.drain())
        await domain.until(lambda: domain.presence.draining)
        served.application.force_drain()
        await draining
    assert domain.words()[-1] == "lost"


@on_loop
async def test_a_process_that_is_full_refuses_and_has_room_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    domain = Domain()
    domain.presence.settings = replace(domain.presence.settings, max_calls_per_process=1)
    domain.claim_values["backend"] = "local"
    left, let_go = asyncio.Event(), domain.presence.release

    def leave(backend: str) -> None:
        let_go(backend)
        left.set()

    monkeypatch.setattr(domain.presence, "release", leave)
    async with serving(domain) as served:
        async with calling(served, TWILIO, opened=False):
            await domain.hears("claim")
            with pytest.raises(InvalidStatus) as refusal:
                await connect(served.url("twilio", "token-2"), proxy=None)
            assert refusal.value.response.status_code == 503
        await left.wait()
        async with calling(served, TWILIO, "token-3", opened=False):
            await domain.until(lambda: domain.words().count("claim") == 2)
    assert domain.presence.slots == domain.presence.sockets == 0


@on_loop
async def test_a_claim_that_is_stored_too_late_keeps_no_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its handshake was refused: no socket is there whose end could give the slot back."""
    domain = Domain(backend="local")
    stored, free, claim = asyncio.Event(), threading.Event(), domain.claim
    let_go, loop = domain.presence.release, asyncio.get_running_loop()

    def stall(*told: Any) -> StreamClaim:
        claimed = claim(*told)
        with idle():
            free.wait()
        return claimed

    def release(backend: str) -> None:
        let_go(backend)
        loop.call_soon_threadsafe(stored.set)

    monkeypatch.setattr(domain, "claim", stall)
    monkeypatch.setattr(domain.presence, "release", release)
    async with serving(domain) as served:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(served.url("twilio"), proxy=None)
        assert refusal.value.response.status_code == 503
        assert domain.presence.slots == 1
        free.set()
        await stored.wait()
    assert domain.presence.slots == 0


@in_real_time
async def test_a_loop_that_is_held_up_shows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr(heartbeat, "LATE_SECONDS", 0.0)
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO, "token-1"):
        while "MAX_CALLS_PER_PROCESS" not in caplog.text:
            await asyncio.to_thread(lambda: None)
    assert domain.presence.lag
    assert "MAX_CALLS_PER_PROCESS" in caplog.text
    assert [record.levelno for record in caplog.records if record.name == heartbeat.__name__] == [
        logging.WARNING
    ]
