"""Listening to a live call: ``/listen/<callId>?token=...``, a websocket of sound and JSON.

The call's socket may be in another process of this machine. Each process lets the others hear
its calls through a Unix socket of its own, which speaks the same websocket; its place is noted
with the call when the assistant joins.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
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
from providers.errors import Refused

PATH = "/listen/"
NORMAL, TRY_LATER = 1000, 1013
NOT_LIVE, ELSEWHERE = 4404, 4409
"""Close codes of our own, as the HTTP statuses they end with."""
OPEN_SECONDS = 3.0
MAX_QUEUE = 16

log = logging.getLogger(__name__)

Monitors = Callable[[str], Monitor | None]
"""By call id: of the calls this process holds."""


class MonitorServer:
    """All who listen through this process."""

    def __init__(self, service: MediaService, monitors: Monitors) -> None:
        self._service = service
        self._monitors = monitors
        self._directory: str | None = None
        self._server: Server | None = None
        self._host = socket.gethostname()

    async def start(self) -> None:
        """Let the neighbours in, where there is room for a socket: calls do not depend on it.

        Only this user's processes can open the directory."""
        try:
            self._directory = tempfile.mkdtemp(prefix="patchbay-")
            path = str(Path(self._directory, "listen"))
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
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def serve(self, scope: Scope, listener: Socket) -> None:
        """One listener's socket, from its handshake to its end."""
        named = scope["path"].removeprefix(PATH)
        call_id = parse_uuid(named) or named
        query = parse_qs(bytes(scope["query_string"]).decode("latin-1"))
        [token] = query.get("token", [""])[:1]
        try:
            place = await asyncio.to_thread(self._service.find_monitor, call_id, token)
        except Refused as error:
            log.warning("a listener was refused: %s", error)
            return await listener.refuse(403)
        except SQLAlchemyError:
            log.exception("a listener was refused: the store failed")
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
        """Until the call or the listener is gone; the code and word to close with."""
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
    """Everything of ``source``, until its end or until the other side has left."""

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
    """Until it closes; what it sends is not for us."""
    with suppress(SocketClosed):
        while True:
            await listener.receive()
