"""The backend ``stream``: relays the media socket, unchanged, to a websocket server elsewhere.

That server gets what it would get from the carrier itself, in the carrier's own protocol. What it
sends goes to the carrier as it is. The URL is the operator's, or the assistant's. An assistant's
URL is checked when it is stored, and again before it is opened. Redirects are not followed.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.domain.services.media import StreamClaim
from app.media.backend import AssistantFailed
from app.media.stream import MediaStream
from app.net.addresses import BadURL
from app.net.types import Addresses
from app.net.websocket import STREAM_PINGS, BadHeaders, checked_headers, open_socket
from providers.events import EndedReason

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 2.0
# Bytes of one message of the server: a whole sentence of audio may come at once.
MAX_MESSAGE = 1024 * 1024
# Close codes of a normal end. 1005 is a close without a code, as a browser's ``close()`` sends it:
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
NORMAL = frozenset({1000, 1005})


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
        try:
            return await open_socket(
                self._url,
                addresses,
                headers=self._headers,
                seconds=OPEN_SECONDS,
                close_seconds=CLOSE_SECONDS,
                max_message=MAX_MESSAGE,
                pings=STREAM_PINGS,
            )
        except BadURL as error:  # its text holds no URL
            raise AssistantFailed(f"The stream URL could not be opened: {error}.") from error
        except (OSError, ValueError, WebSocketException) as error:
            # The error's own text may hold the URL, and the URL a password.
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
        return  # the other direction knows the close code


async def _carry_down(stream: MediaStream, upstream: ClientConnection) -> None:
    try:
        async for message in upstream:
            await stream.send_raw(message)
    except ConnectionClosed:
        return  # ``close_code`` holds the reason
