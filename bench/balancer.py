"""A load balancer of a bench: new connections go to the newest instance, open ones stay."""

from __future__ import annotations

import asyncio
from typing import cast


class Side(asyncio.Protocol):
    """One end of a connection. What comes is written to the other end."""

    def __init__(self, other: Side | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self.other is not None:
            self.other.joined(self)

    def joined(self, other: Side) -> None:
        """The other end is open: write what came before."""
        self.other = other
        if other.transport is not None and self._early:
            other.transport.write(bytes(self._early))
            self._early.clear()
        if self.transport is None or self.transport.is_closing():
            other.end()

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.end()

    def end(self) -> None:
        if self.transport is not None:
            self.transport.close()


class Balancer:
    """Listens on a port and passes connections on to ``target``, a port of this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.unreachable = 0
        """Connections that the instance did not accept."""
        self._opening = set[asyncio.Task[None]]()

    async def listen(self, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._accepted, "127.0.0.1", port, backlog=1024)

    def _accepted(self) -> Side:
        client = Side()
        task = asyncio.create_task(self._connect(client))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return client

    async def _connect(self, client: Side) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Side(client), "127.0.0.1", self.target)
        except OSError:
            self.unreachable += 1
            client.end()
