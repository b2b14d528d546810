"""What the stand-ins of models share: a stream of events or one whole answer, and their faults."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.vendors.server import Asked, VendorServer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; without one it is answered."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    instead: tuple[bytes, str] | None = None
    """This body, of this content type, with ``status``."""
    cut_after: int | None = None
    """Pieces of the stream until the connection breaks."""
    silent: bool = False
    """It is taken and never answered."""
    refused: bool = False
    """The connection breaks before any answer."""


class Served(VendorServer):
    """A model's vendor."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault] = []
        """Of the next requests, in order."""

    @abstractmethod
    def events(self, asked: Asked) -> list[bytes]:
        """The pieces of the stream that answers it."""

    @abstractmethod
    def whole(self, asked: Asked) -> dict[str, Any]:
        """The answer to a request that wants no stream."""

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        fault = self.faults.pop(0) if self.faults else Fault()
        if fault.silent:
            await self.silence()
        if fault.silent or fault.refused:
            return _break(request, web.Response())
        if fault.instead is not None:
            body, kind = fault.instead
            return web.Response(
                body=body,
                status=fault.status or 200,
                headers={"Content-Type": kind, **fault.headers},
            )
        if fault.status:
            return web.json_response(fault.body, status=fault.status, headers=fault.headers)
        if not asked.body.get("stream"):
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
