"""Who gets the next free thread: carriers before clients, and no client after too long a wait."""

from __future__ import annotations

import asyncio

import pytest

from app.server.admission import LATE_SECONDS, LONGEST_WAIT, SMOOTHING, Admission, Overloaded
from tests.clock import on_loop


class Line:
    """Requests at an admission whose only thread is taken. ``got``: who has got it, in order."""

    def __init__(self, threads: int = 1) -> None:
        self.admission = Admission(threads)
        self.got = list[str]()

    async def fill(self) -> None:
        for _ in range(self.admission.threads):
            await self.admission.enter(first=True)

    def ask(self, name: str, *, first: bool) -> asyncio.Task[None]:
        async def enter() -> None:
            await self.admission.enter(first=first)
            self.got.append(name)

        return asyncio.create_task(enter())


async def stand_in_line(*tasks: asyncio.Task[None]) -> None:
    """Every task has begun afterwards, in this order."""
    await asyncio.sleep(0)


@on_loop
async def test_nobody_waits_while_a_thread_is_free() -> None:
    admission = Admission(3)
    for first in (False, False, True):
        await admission.enter(first=first)


@on_loop
async def test_clients_leave_half_of_the_threads_to_carriers() -> None:
    line = Line(threads=4)
    for client in range(2):
        await line.ask(f"client {client}", first=False)
    waits = line.ask("client 2", first=False)
    await stand_in_line(waits)
    for carrier in range(2):
        await line.ask(f"carrier {carrier}", first=True)
    for _ in range(2):  # half of the threads are busy now
        assert line.got == ["client 0", "client 1", "carrier 0", "carrier 1"]
        line.admission.leave()
        await stand_in_line(waits)
    line.admission.leave()
    await waits


@on_loop
async def test_a_carrier_goes_before_clients_that_came_earlier() -> None:
    line = Line()
    await line.fill()
    tasks = [
        line.ask("client 1", first=False),
        line.ask("client 2", first=False),
        line.ask("carrier 1", first=True),
        line.ask("carrier 2", first=True),
    ]
    await stand_in_line(*tasks)
    for task in (tasks[2], tasks[3], tasks[0], tasks[1]):
        line.admission.leave()
        await task
    assert line.got == ["carrier 1", "carrier 2", "client 1", "client 2"]


@on_loop
async def test_a_thread_that_nobody_waits_for_is_free_again() -> None:
    line = Line()
    await line.fill()
    line.admission.leave()
    await line.ask("client", first=False)
    assert line.got == ["client"]


@on_loop
async def test_a_client_is_refused_after_the_longest_wait() -> None:
    line, loop = Line(), asyncio.get_running_loop()
    await line.fill()
    began = loop.time()
    with pytest.raises(Overloaded):
        await line.admission.enter(first=False)
    assert loop.time() - began >= LONGEST_WAIT


@on_loop
async def test_a_carrier_waits_as_long_as_it_takes() -> None:
    line = Line()
    await line.fill()
    carrier = line.ask("carrier", first=True)
    with pytest.raises(Overloaded):  # a client's longest wait is over
        await line.admission.enter(first=False)
    line.admission.leave()
    await carrier


@on_loop
async def test_a_client_is_refused_at_once_while_a_carrier_waits_long() -> None:
    line, loop = Line(), asyncio.get_running_loop()
    await line.fill()
    line.ask("carrier", first=True)
    await stand_in_line()
    at = loop.time() + LATE_SECONDS + 0.1
    await until(at)
    with pytest.raises(Overloaded):
        await line.admission.enter(first=False)
    assert loop.time() - at < LONGEST_WAIT / 10


@on_loop
async def test_a_client_is_refused_at_once_when_the_line_is_too_long_for_its_pace() -> None:
    """Two starts, each after most of the longest wait: the third of the next would come too late."""
    line, loop = Line(), asyncio.get_running_loop()
    await line.fill()
    for _ in range(2 * SMOOTHING):
        client = line.ask("client", first=False)
        await stand_in_line(client)
        await until(loop.time() + 0.8 * LONGEST_WAIT)
        line.admission.leave()
        await client
    waiting = [line.ask(f"client {number}", first=False) for number in range(2)]
    await stand_in_line(*waiting)
    began = loop.time()
    with pytest.raises(Overloaded):
        await line.admission.enter(first=False)
    assert loop.time() - began < LONGEST_WAIT / 10
    line.admission.leave()
    await waiting[0]


@on_loop
async def test_clients_are_let_in_again_when_the_line_is_gone() -> None:
    line = Line()
    await line.fill()
    with pytest.raises(Overloaded):
        await line.admission.enter(first=False)
    line.admission.leave()
    await line.ask("client", first=False)


@pytest.mark.parametrize("first", [True, False])
@on_loop
async def test_a_request_that_is_given_up_loses_its_place(first: bool) -> None:
    line = Line()
    await line.fill()
    gone, stays = line.ask("gone", first=first), line.ask("stays", first=first)
    await stand_in_line(gone, stays)
    gone.cancel()
    await asyncio.wait([gone])
    line.admission.leave()
    await stays
    assert line.got == ["stays"]


@pytest.mark.parametrize("first", [True, False])
@on_loop
async def test_a_request_that_is_about_to_leave_gets_no_thread(first: bool) -> None:
    """It is given up and its turn comes in the same moment of the loop."""
    line = Line()
    await line.fill()
    gone, stays = line.ask("gone", first=first), line.ask("stays", first=first)
    await stand_in_line(gone, stays)
    gone.cancel()
    line.admission.leave()
    await stays
    await asyncio.wait([gone])
    assert line.got == ["stays"]
    line.admission.leave()
    await line.ask("next", first=False)


@on_loop
async def test_a_request_that_is_given_up_with_a_thread_passes_it_on() -> None:
    line = Line()
    await line.fill()
    gone, stays = line.ask("gone", first=True), line.ask("stays", first=True)
    await stand_in_line(gone, stays)
    line.admission.leave()
    gone.cancel()
    await stays
    assert line.got == ["stays"]


async def until(at: float) -> None:
    """The loop's clock goes on to this time."""
    reached = asyncio.Event()
    asyncio.get_running_loop().call_at(at, reached.set)
    await reached.wait()
