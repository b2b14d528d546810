"""A small HTTP/1.1 load client: it sends prepared requests and measures latencies."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop


@dataclass(frozen=True)
class Figures:
    """The result of one run. Times are in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class _Connection(asyncio.Protocol):
    """Sends a request after the last answer, and reads only the needed bytes."""

    def __init__(self, todo: deque[bytes], times: list[float], errors: list[bytes]) -> None:
        self.todo, self.times, self.errors = todo, times, errors
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop does not derive its transports from asyncio's
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        self.times.append(time.perf_counter() - self.began)
        if head[9:10] != b"2":
            self.errors.append(self.buffer)
        self.buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed by the server"))

    def _next(self) -> None:
        if not self.todo:
            self.done.set_result(None)
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(self.todo.popleft())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def run(port: int, requests: Sequence[bytes], connections: int) -> Figures:
    """Send all requests over so many connections. Prints the first error answer."""

    async def go() -> Figures:
        loop = asyncio.get_running_loop()
        todo, times, errors = deque(requests), list[float](), list[bytes]()
        began = time.perf_counter()
        opened = [
            await loop.create_connection(
                lambda: _Connection(todo, times, errors), "127.0.0.1", port
            )
            for _ in range(connections)
        ]
        await asyncio.gather(*(protocol.done for _, protocol in opened))
        seconds = time.perf_counter() - began
        if errors:
            print(errors[0].decode(errors="replace"))
        times.sort()
        middle, last = times[len(times) // 2], times[int(len(times) * 0.99)]
        return Figures(len(times), seconds, middle * 1e3, last * 1e3, len(errors))

    return uvloop.run(go())


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """One POST request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
