"""What all vendors' stand-ins share: a server on loopback in the test's loop, and its record."""

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
    """One request, or one websocket's handshake. ``headers``: found by name in any case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    """JSON as its value, anything else as bytes."""


@dataclass
class VendorServer(ABC):
    """``async with VendorServer() as vendor``; then ``vendor.url``."""

    status: int | None = None
    """Refuse requests and handshakes with this HTTP status."""
    hangs: bool = False
    """Answer no request and no handshake."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    """Its origin, http."""
    host: str = "127.0.0.1"
    port: int = 0
    """Where it listens; 0: at any free port."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every request."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """It closes."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://{self.host}:{self.port}"
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.over.set()
        await self._runner.cleanup()

    @abstractmethod
    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """What the vendor does with a request that is not refused."""

    def refusal(self) -> web.Response:
        return web.json_response({"message": "no"}, status=self.status or 500)

    async def silence(self) -> web.Response:
        await self.over.wait()
        return web.Response()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        is_json = request.content_type == "application/json"
        body = await (request.json() if is_json and request.can_read_body else request.read())
        asked = Asked(request.method, request.path, request.query, request.headers, body)
        self.asked.append(asked)
        self.came.set()
        if self.hangs:
            return await self.silence()
        if self.status is not None:
            return self.refusal()
        return await self.answer(request, asked)


def break_off(request: web.BaseRequest) -> None:
    """As a network or a crash does: no end of the answer, no closing handshake."""
    assert request.transport is not None
    request.transport.abort()
