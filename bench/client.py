"""An HTTP client for open-loop load: a request is sent when it is due, whatever the others do."""

from __future__ import annotations

import asyncio
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import httptools

PATIENCE = 15.0
"""Seconds after which a carrier gives up on an answer."""
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0: there was none in time."""

    status: int
    body: bytes
    seconds: float


class Connection(asyncio.Protocol):
    """Kept alive; one request at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._parser, self._body = httptools.HttpResponseParser(self), b""
        self._transport.write(raw)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.closed = self.closed or not self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), self._body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def abort(self) -> None:
        self._transport.abort()


class Client:
    """As many connections as there are requests at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle = list[Connection]()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def ask(self, raw: bytes) -> Answer:
        """Send now. The time includes that of a new connection."""
        began = time.monotonic()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(PATIENCE):
                status, body = await self._ask(raw)
                return Answer(status, body, time.monotonic() - began)
        return Answer(0, b"", time.monotonic() - began)

    async def _ask(self, raw: bytes) -> tuple[int, bytes]:
        while True:
            connection, used = await self._connection()
            try:
                answer = await connection.ask(raw)
            except ConnectionResetError:
                if used:  # the server closed it as the request was sent
                    continue
                raise
            except asyncio.CancelledError:
                connection.abort()
                raise
            self._idle.append(connection)
            return answer

    async def _connection(self) -> tuple[Connection, bool]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection, True
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self._port))[1], False
