"""The websocket behind ``monitor.listenUrl``: ``/listen/<callId>?token=...``, audio and JSON.

The call's media socket may be in another process of this machine. Each process serves its calls to
the others on a Unix socket, which speaks the same websocket protocol. The path of that socket is
stored with the call when the assistant joins.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qs

from sqlalchemy.exc import SQLAlchemyError
from websockets.asyncio.client import unix_connect
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.domain.calls.facts import MonitorEndpoint
from app.domain.ids import parse_uuid
from app.domain.services.media import MediaService
from app.media.monitor.listeners import Monitor, TooManyListeners
from app.media.socket import Scope, SendStalled, Socket, SocketClosed
from app.media.store_thread import in_store_thread
from app.telemetry.once_a_minute import FewLines
from app.temporary import Temporary
from providers.errors import Refused

PATH = "/listen/"
NORMAL, TRY_LATER = 1000, 1013
# Close codes of our own: 4000 plus the HTTP status of the same meaning.
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2
NOT_LIVE, ELSEWHERE = 4404, 4409
OPEN_SECONDS = 3.0
MAX_QUEUE = 16

log = logging.getLogger(__name__)

# The monitor of a call id, for calls whose media socket is in this process.
Monitors = Callable[[str], Monitor | None]


class MonitorServer:
    """Serves all supervisors who connect to this process."""

    def __init__(self, service: MediaService, monitors: Monitors) -> None:
        self._service = service
        self._monitors = monitors
        self._directory: Temporary | None = None
        self._server: Server | None = None
        self._host = socket.gethostname()
        self._strangers = FewLines(log)

    async def start(self) -> None:
        """Open the Unix socket. Without one, calls work and other processes cannot listen to them.

        Only this user's processes can open the directory.
        """
        try:
            self._directory = Temporary("listen")
            path = str(self._directory.path / "listen")
            self._server = await unix_serve(self._serve_neighbour, path, compression=None)
        except OSError as error:
            log.warning("other processes cannot listen to calls of this one (TMPDIR): %s", error)
        else:
            self._service.endpoint = MonitorEndpoint(self._host, path)

    async def stop(self) -> None:
        self._service.endpoint = None
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._directory is not None:
            await asyncio.to_thread(self._directory.remove)

    async def serve(self, scope: Scope, listener: Socket) -> None:
        """Serve one supervisor's socket, from its handshake to its end."""
        named = scope["path"].removeprefix(PATH)
        call_id = parse_uuid(named) or named
        query = parse_qs(bytes(scope["query_string"]).decode("latin-1"))
        [token] = query.get("token", [""])[:1]
        try:
            place = await in_store_thread(self._service.find_monitor, call_id, token)
        except Refused as error:
            self._strangers.warning("a listener was refused: %s", error)
            return await listener.refuse(403)
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return await listener.refuse(503)
        try:
            await listener.accept()
        except SocketClosed:
            return None
        code, word = await self._hear(call_id, place, listener)
        await listener.close(code, word)
        return None

    async def _hear(
        self, call_id: str, place: MonitorEndpoint | None, listener: Socket
    ) -> tuple[int, str]:
        """Relay until the call or the listener is gone. Returns the close code and its text."""
        monitor = self._monitors(call_id)
        if monitor is not None:
            return await _follow(monitor, listener.send, _left(listener))
        if place is None:
            return NOT_LIVE, "the call is not in progress"
        if place.host != self._host:
            log.warning(
                "call %s is on host %s: MEDIA_URL must lead there",
                call_id,
                place.host,
                extra={"callId": call_id},
            )
            return ELSEWHERE, "the call is on another host, to which MEDIA_URL must lead"
        return await self._relay(call_id, place, listener)

    async def _relay(
        self, call_id: str, place: MonitorEndpoint, listener: Socket
    ) -> tuple[int, str]:
        try:
            neighbour = await unix_connect(
                place.path,
                uri=f"ws://localhost{PATH}{call_id}",
                compression=None,
                open_timeout=OPEN_SECONDS,
                max_size=None,
                max_queue=MAX_QUEUE,
            )
        except (OSError, WebSocketException) as error:
            log.warning(
                "call %s: the process that holds it: %s", call_id, error, extra={"callId": call_id}
            )
            return NOT_LIVE, "the call is not in progress"
        async with neighbour:
            await _pump(neighbour, listener.send, _left(listener))
        return neighbour.close_code or NORMAL, neighbour.close_reason or ""

    async def _serve_neighbour(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        monitor = self._monitors(path.removeprefix(PATH))
        code, word = NOT_LIVE, "the call is not in progress"
        if monitor is not None:
            code, word = await _follow(monitor, connection.send, connection.wait_closed())
        await connection.close(code, word)


async def _follow(
    monitor: Monitor, send: Callable[[str | bytes], Awaitable[None]], left: Awaitable[None]
) -> tuple[int, str]:
    try:
        listener = monitor.join()
    except TooManyListeners as full:
        asyncio.ensure_future(left).cancel()
        return TRY_LATER, str(full)
    try:
        await _pump(listener, send, left)
    finally:
        monitor.leave(listener)
    return monitor.farewell


async def _pump(
    source: AsyncIterable[str | bytes],
    send: Callable[[str | bytes], Awaitable[None]],
    left: Awaitable[None],
) -> None:
    """Send every message of ``source``, until its end or until ``left`` is done."""

    async def carry() -> None:
        with suppress(SocketClosed, SendStalled, ConnectionClosed):
            async for message in source:
                await send(message)

    tasks = [asyncio.create_task(carry()), asyncio.ensure_future(left)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _left(listener: Socket) -> None:
    """Wait until the listener closes. Its messages are ignored."""
    with suppress(SocketClosed):
        while True:
            await listener.receive()
