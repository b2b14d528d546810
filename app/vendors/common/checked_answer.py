"""Puts an ``EventReader`` between a model's server and the vendor's SDK. Loads httpx2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx2

from app.vendors.common.event_stream import EventReader, Protocol

# Of the body as it was sent: it is decoded before it is looked at.
ENCODING = ("content-encoding", "content-length")


def checked(response: httpx2.Response, protocol: Protocol) -> httpx2.Response:
    """The response with events only. Reading it raises ``NoAnswer`` if it has no answer."""
    headers = [each for each in response.headers.multi_items() if each[0].lower() not in ENCODING]
    return httpx2.Response(
        response.status_code,
        headers=headers,
        stream=_Checked(response, EventReader(protocol)),
        request=response.request,
        extensions=response.extensions,
    )


class _Checked(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response, reader: EventReader) -> None:
        self._response = response
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._response.aiter_bytes()) as pieces:
            async for piece in pieces:
                if events := self._reader.feed(piece):
                    yield events
        if events := self._reader.finish():
            yield events

    async def aclose(self) -> None:
        await self._response.aclose()
