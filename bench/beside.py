"""Parts of ``bench.media``: ``memory`` after calls, and the ``control`` plane beside them."""

from __future__ import annotations

import argparse
import asyncio
import time

import aiohttp

from bench.calls import Api, Crowd, warm, warmed
from bench.figures import median, percentile
from bench.serving import KEY

BESIDE_SECONDS = 20.0
ROUNDS, EACH = 20, 10
"""200 calls, ten at once: the first hundred fill the caches for the next."""
RATE = 20
"""Requests a second to the control plane."""


async def memory(chosen: argparse.Namespace) -> None:
    with warmed() as api:
        await warm(api)
        process, after = api.bridge, list[float]()
        held = list[float]()
        idle = process.memory
        for _ in range(ROUNDS):
            before = process.memory
            async with Crowd(api, smart=True) as crowd:
                await crowd.grow(EACH)
                held.append((process.memory - before) / EACH)
            after.append(process.memory)
    print(f"warm {idle:.0f} MB; the first {EACH} calls at once hold {held[0]:.1f} MB each")
    print(f"after every {EACH} calls: {' '.join(f'{each:.0f}' for each in after)} MB")
    half = (after[-1] - after[ROUNDS // 2 - 1]) / (EACH * ROUNDS / 2)
    print(f"growth over the last {EACH * ROUNDS // 2} calls: {half:.2f} MB a call")


async def control(chosen: argparse.Namespace) -> None:
    with warmed() as api:
        await warm(api)
        async with Crowd(api, smart=False) as crowd:
            await crowd.grow(chosen.busy)
            times, seen = await asyncio.gather(
                asking(api, BESIDE_SECONDS), crowd.watch(BESIDE_SECONDS)
            )
    print(
        f"{RATE} requests/s (POST /call, GET /call/ID) beside {chosen.busy} calls: "
        f"{len(times)} answered, p50 {median(times):.0f} ms, p99 {percentile(times, 0.99):.0f} ms; "
        f"core {seen.cpu:.0%}, others {seen.others:.0%}, holes {len(seen.record.holes)}, worst {seen.record.worst * 1e3:.0f} ms"
    )


async def asking(api: Api, seconds: float) -> list[float]:
    """Send requests on schedule, even if answers are slow. A time starts when one is due."""
    times, tasks, ids = list[float](), list[asyncio.Task[None]](), list[str]()
    headers = {"Authorization": f"Bearer {KEY}"}
    body = api.body(smart=False, customer="+14155550123")

    async with aiohttp.ClientSession(f"http://127.0.0.1:{api.bridge.port}", headers=headers) as web:

        async def ask(number: int, due: float) -> None:
            if number % 2 and ids:
                answer = await web.get(f"/call/{ids[-1]}")
            else:
                answer = await web.post("/call", json=body)
            async with answer:
                answer.raise_for_status()
                ids.append((await answer.json())["id"])
            times.append(time.monotonic() - due)

        began = time.monotonic()
        for number in range(int(seconds * RATE)):
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(ask(number, due)))
        await asyncio.gather(*tasks)
    return times
