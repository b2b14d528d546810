"""Relays the call, unchanged, to a websocket somewhere else that speaks the carrier's protocol.

The upstream server sees what it would see had the carrier called it: the same first messages,
the same sound, the same keys; what it sends goes to the carrier as it is. Its URL is the
operator's, or the assistant's: that one was vetted when it was stored, and again leads only where
a client may send us. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.domain.services.media import StreamClaim
from app.media.backend import AssistantFailed
from app.media.stream import MediaStream
from app.net.addresses import BadURL
from app.net.types import Addresses
from app.net.websocket import BadHeaders, checked_headers, open_socket
from providers.events import EndedReason

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 2.0
MAX_MESSAGE = 1024 * 1024
"""Bytes of one upstream message: a whole sentence of sound may come at once."""
NORMAL = frozenset({1000, 1005})
"""Close codes that end the call without blame; 1005 is a close without a code, as browsers' code does."""


class Relay:
    """One call's relay."""

    def __init__(self, claim: StreamClaim) -> None:
        self._url = claim.stream_url
        transport = claim.assistant.get("transport")
        transport = transport if isinstance(transport, Mapping) else {}
        self._foreign = bool(transport.get("url"))
        try:
            self._headers = checked_headers(transport.get("headers") or {}, "transport.headers")
        except BadHeaders as error:
            raise AssistantFailed(str(error)) from error

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Until one side has gone. Raises ``AssistantFailed`` unless the upstream closed normally."""
        upstream = await self._open(stream.call_context.addresses if self._foreign else None)
        up = asyncio.create_task(_carry_up(stream, upstream))
        down = asyncio.create_task(_carry_down(stream, upstream))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            if up.done() and upstream.close_code is None:
                return EndedReason.CUSTOMER_ENDED_CALL  # the carrier has gone and is reported
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
        try:
            return await open_socket(
                self._url,
                addresses,
                headers=self._headers,
                seconds=OPEN_SECONDS,
                close_seconds=CLOSE_SECONDS,
                max_message=MAX_MESSAGE,
            )
        except BadURL as error:  # its text holds no URL
            raise AssistantFailed(f"The stream URL could not be opened: {error}.") from error
        except (OSError, ValueError, WebSocketException) as error:
            # the error's own text may hold the URL, and that a password
            raise AssistantFailed(
                f"The stream URL could not be opened: {type(error).__name__}."
            ) from error


async def _carry_up(stream: MediaStream, upstream: ClientConnection) -> None:
    try:
        for message in stream.opening:
            await upstream.send(message)
        async for message in stream.raw():
            await upstream.send(message)
    except ConnectionClosed:
        return  # the other direction says how


async def _carry_down(stream: MediaStream, upstream: ClientConnection) -> None:
    try:
        async for message in upstream:
            await stream.send_raw(message)
    except ConnectionClosed:
        return  # close_code says how
