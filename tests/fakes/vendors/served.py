"""What all HTTP stand-ins share: a server on loopback in the test's loop, its faults, its memory."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request. ``headers``: lower-case names."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; without one it is answered."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Pieces of the stream until the connection breaks."""
    silent: bool = False
    """It is taken and never answered."""
    refused: bool = False
    """The connection breaks before any answer."""


class Served(ABC):
    """``async with Served() as vendor``; then ``vendor.url``."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        """Of the next requests, in order."""
        self.url = ""
        self._closing = asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=1.0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    @abstractmethod
    def events(self, asked: Asked) -> list[bytes]:
        """The pieces of the stream that answers it."""

    @abstractmethod
    def whole(self, asked: Asked) -> dict[str, Any]:
        """The answer to a request that wants no stream."""

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.json() if request.can_read_body else None
        asked = Asked(request.path, dict(request.query), headers, body)
        self.asked.append(asked)
        fault = self.faults.pop(0) if self.faults else Fault()
        if fault.silent:
            await self._closing.wait()
        if fault.silent or fault.refused:
            return _break(request, web.Response())
        if fault.status:
            return web.json_response(fault.body, status=fault.status, headers=fault.headers)
        if not body.get("stream"):
            return web.json_response(self.whole(asked))
        return await self._stream(request, asked, fault.cut_after)

    async def _stream(
        self, request: web.Request, asked: Asked, cut_after: int | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events(asked)[:cut_after]:
            await response.write(event)
        return response if cut_after is None else _break(request, response)


def _break(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return response
