"""Talking calls beside a load, in a process of their own, which hears the holes in their sound."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import uvloop

from bench.calls import Api, Crowd, Seen, warm
from bench.serving import Process


class Talkers:
    """They talk already. ``watch`` begins the measurement, ``seen`` returns it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def watch(self, seconds: float) -> None:
        self._pipe.send(seconds)

    def seen(self) -> Seen:
        found = self._pipe.recv()
        assert isinstance(found, Seen)
        return found


@contextmanager
def talking(api: Api, calls: int) -> Iterator[Talkers]:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run, args=(theirs, api.bridge, api.vendors, calls))
    process.start()
    theirs.close()
    try:
        ours.recv()  # all have heard the greeting
        yield Talkers(ours)
    finally:
        process.terminate()
        process.join()


def _run(pipe: Connection, bridge: Process, vendors: Process, calls: int) -> None:
    uvloop.run(_talk(pipe, Api(bridge, vendors), calls))


async def _talk(pipe: Connection, api: Api, calls: int) -> None:
    await warm(api)
    async with Crowd(api, smart=False) as crowd:
        await crowd.grow(calls)
        pipe.send("up")
        seconds = await asyncio.to_thread(pipe.recv)
        pipe.send(await crowd.watch(seconds))
