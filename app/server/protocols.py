"""Uvicorn's protocols with the bounds of ``app/server/connections.py``.

Uvicorn bounds neither a head nor an answer that is not read. At its stop it closes a connection on
which a request has begun to arrive. https://github.com/Kludex/uvicorn/issues/157
A websocket whose peer answers no ping is closed only once what was sent is read. With sound on its
way that is after minutes, when the kernel gives up. No issue of uvicorn's was found.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.server.connection import Connection, State
from app.server.connections import Connections

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)
"""The answer to a connection for which there is no room."""
NO_PONG = "no answer to pings"
"""The reason of a websocket's end whose peer answers none."""
MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""


class _Counted:
    """What a protocol of uvicorn's, the next base class, has more: the worker's connections."""

    def __init__(self, config: Config, server_state: Any, *given: Any, **more: Any) -> None:
        super().__init__(config, server_state, *given, **more)  # type: ignore[call-arg]
        self._connections: Connections = server_state.bounded


class HttpConnection(_Counted, HttpToolsProtocol):
    """One HTTP connection, whose state is kept up to date."""

    _connection: Connection | None = None
    _receiving: State | None = None
    """What of a request is unfinished: its head, its body, or nothing."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connection = self._connections.open(transport, self.loop.time())
        if self._connection is None:
            transport.write(FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        connection = self._connection
        if connection is None or connection.state is State.ANSWER:
            return
        state = self._waits_for()
        if state is State.HEAD:
            self._count_head(connection, len(data))
        self._connections.move(connection, state, self.loop.time())

    def handle_websocket_upgrade(self) -> None:
        self._forget()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving = State.HEAD

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._receiving = State.BODY
        if self._connections.leaving and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._receiving = None

    def on_response_complete(self) -> None:
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if self._connection is not None and not pipelined:
            state = self._receiving or State.IDLE
            self._connections.move(self._connection, state, self.loop.time())

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._connection is not None:
            self._connections.unread(self._connection, self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._connection is not None:
            self._connections.read(self._connection)

    def shutdown(self) -> None:
        """Close, but not while a request arrives: it is answered, as the connection's last."""
        if self._receiving is None:
            super().shutdown()
        else:
            self.leave()

    def leave(self) -> None:
        """Make the running answer the connection's last."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def _waits_for(self) -> State:
        """The state after some data. A request before the one that arrives is answered first."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._receiving is State.BODY and not self.pipeline:
            return State.BODY
        return State.ANSWER if answering else State.HEAD

    def _count_head(self, connection: Connection, size: int) -> None:
        self._head_bytes = size + (self._head_bytes if connection.state is State.HEAD else 0)
        if self._head_bytes > MAX_HEAD:
            self._connections.too_long(connection, self.loop.time())

    def _forget(self) -> None:
        if self._connection is not None:
            self._connections.gone(self._connection)
            self._connection = None


class SocketConnection(_Counted, WebSocketsSansIOProtocol):
    """One websocket: counted, and not kept open by a peer that does not read or has vanished."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # uvloop does not derive its transports from asyncio's
        upgraded = cast("asyncio.Transport", transport)
        self._connection = self._connections.upgraded(upgraded, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.gone(self._connection)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connections.unread(self._connection, self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._connections.read(self._connection)

    def keepalive_timeout(self) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": NO_PONG})
        super().keepalive_timeout()
        self.transport.abort()
