"""The backend ``stream``: relays the media socket, unchanged, to a websocket server elsewhere.

That server gets what it would get from the carrier itself, in the carrier's own protocol. What it
sends goes to the carrier as it is. The URL is the operator's, or the assistant's. An assistant's
URL is checked when it is stored, and again before it is opened. Redirects are not followed.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.assistants.remote_stream import NORMAL, open_stream
from app.domain.services.media import StreamClaim
from app.media.backend import AssistantFailed
from app.media.stream import MediaStream
from app.net.types import Addresses
from app.net.websocket import BadHeaders, checked_headers
from providers.events import EndedReason


class Relay:
    """The relay of one call."""

    def __init__(self, claim: StreamClaim) -> None:
        self._url = claim.stream_url
        transport = claim.assistant.transport
        self._foreign = transport.url is not None
        try:
            self._headers = checked_headers(transport.headers, "transport.headers")
        except BadHeaders as error:
            raise AssistantFailed(str(error)) from error

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Run until one side has gone.

        Raises ``AssistantFailed`` unless the server closed normally.
        """
        upstream = await self._open(stream.call_context.addresses if self._foreign else None)
        up = asyncio.create_task(_carry_up(stream, upstream))
        down = asyncio.create_task(_carry_down(stream, upstream))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            if up.done() and upstream.close_code is None:
                # the carrier has gone, and its end is stored
                return EndedReason.CUSTOMER_ENDED_CALL
            await down
        finally:
            up.cancel()
            down.cancel()
            await upstream.close()
        if upstream.close_code not in NORMAL:
            raise AssistantFailed(f"The stream URL's server closed with {upstream.close_code}.")
        return EndedReason.ASSISTANT_ENDED_CALL

    async def _open(self, addresses: Addresses | None) -> ClientConnection:
        if not self._url:
            raise AssistantFailed(
                "The assistant's transport has no url, and STREAM_URL is not set."
            )
        return await open_stream(self._url, addresses, self._headers, "The stream URL")


async def _carry_up(stream: MediaStream, upstream: ClientConnection) -> None:
    try:
        for message in stream.opening:
            await upstream.send(message)
        async for message in stream.raw():
            await upstream.send(message)
    except ConnectionClosed:
        return  # the other direction knows the close code


async def _carry_down(stream: MediaStream, upstream: ClientConnection) -> None:
    try:
        async for message in upstream:
            await stream.send_raw(message)
    except ConnectionClosed:
        return  # ``close_code`` holds the reason
