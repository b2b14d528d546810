"""The clock of the tests' loops: it stands still while there is work, and leaps when there is none."""

from __future__ import annotations

import asyncio
import threading
import time

from app.net.threads import run_in_thread
from tests.clock import PATIENCE, idle, on_loop


@on_loop
async def test_a_wait_takes_the_seconds_it_says() -> None:
    loop, came = asyncio.get_running_loop(), list[float]()
    at = loop.time()
    for seconds in (PATIENCE / 3, PATIENCE / 4):
        await asyncio.sleep(seconds)
        came.append(round(loop.time() - at, 1))
    assert came == [10.0, 17.5]


@on_loop
async def test_everything_has_the_same_time() -> None:
    loop = asyncio.get_running_loop()
    ages = [time.time() - loop.time(), time.monotonic_ns() / 1e9 - loop.time()]
    await asyncio.sleep(PATIENCE / 2)
    later = [time.time() - loop.time(), time.monotonic_ns() / 1e9 - loop.time()]
    assert [round(after - age, 3) for age, after in zip(ages, later, strict=True)] == [0.0, 0.0]
    assert time.monotonic() == loop.time()


@on_loop
async def test_no_time_passes_while_a_thread_works() -> None:
    """Neither one of the loop's own nor one that was started to ask a server."""
    ends = [threading.Event(), threading.Event()]
    working = [
        asyncio.create_task(asyncio.to_thread(ends[0].wait, PATIENCE)),
        asyncio.create_task(run_in_thread(lambda: ends[1].wait(PATIENCE))),
    ]
    alarm = asyncio.create_task(asyncio.sleep(0.5))
    for end, work in zip(ends, working, strict=True):
        timer = threading.Timer(0.1, end.set)  # of the machine's time: the loop's would leap
        timer.start()
        await work
        assert not alarm.done()
    await alarm


@on_loop
async def test_time_passes_while_a_thread_waits_for_the_test() -> None:
    end = threading.Event()

    def work() -> bool:
        with idle():
            return end.wait(PATIENCE)

    working = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(PATIENCE / 2)
    end.set()
    assert await working


@on_loop
async def test_what_was_sent_arrives_before_time_passes() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    at = asyncio.get_running_loop().time()
    for _ in range(100):
        writer.write(b"there and back\n")
        async with asyncio.timeout(0.5):
            await reader.readline()
    writer.close()
    server.close()
    assert asyncio.get_running_loop().time() - at < 0.5
