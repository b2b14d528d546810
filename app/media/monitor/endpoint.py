"""The websockets of supervisors: ``/listen/<callId>?token=...``, and one to speak.

``monitor.listenUrl`` has audio and JSON. ``supervise.py`` has the other.

The call's media socket may be in another process of this machine. Each process serves its calls to
the others on a Unix socket, which speaks the same websocket protocol. The path of that socket is
stored with the call when the assistant joins.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

from sqlalchemy.exc import SQLAlchemyError
from websockets.asyncio.client import unix_connect
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import WebSocketException

from app.domain.calls.facts import MonitorEndpoint
from app.domain.ids import parse_uuid
from app.domain.services.media import MediaService
from app.media.monitor.listeners import Monitor, TooManyListeners
from app.media.monitor.supervise import PATH as SPEAK
from app.media.monitor.supervise import Incoming, Send, attend, pump, relay
from app.media.socket import Scope, Socket, SocketClosed
from app.media.store_thread import in_store_thread
from app.telemetry.once_a_minute import FewLines
from app.temporary import Temporary
from providers.errors import Refused

PATH = "/listen/"
TRY_LATER = 1013
# Close codes of our own: 4000 plus the HTTP status of the same meaning.
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2
NOT_LIVE, ELSEWHERE = 4404, 4409
OPEN_SECONDS = 3.0
MAX_QUEUE = 16

log = logging.getLogger(__name__)

# The monitor of a call id, for calls whose media socket is in this process.
Monitors = Callable[[str], Monitor | None]


class MonitorServer:
    """Serves all supervisors who connect to this process, to listen or to speak."""

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

    async def serve(self, scope: Scope, visitor: Socket) -> None:
        """Serve one supervisor's socket, who listens or speaks, from its handshake to its end."""
        door = next(door for door in DOORS if scope["path"].startswith(door))
        named = scope["path"].removeprefix(door)
        call_id = parse_uuid(named) or named
        query = parse_qs(bytes(scope["query_string"]).decode("latin-1"))
        [token], [expires] = query.get("token", [""])[:1], query.get("expires", [""])[:1]
        try:
            if door == SPEAK:
                place = await in_store_thread(
                    self._service.find_supervised, call_id, token, expires
                )
            else:
                place = await in_store_thread(self._service.find_monitor, call_id, token)
        except Refused as error:
            self._strangers.warning("a supervisor was refused: %s", error)
            return await visitor.refuse(403)
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return await visitor.refuse(503)
        try:
            await visitor.accept()
        except SocketClosed:
            return None
        code, word = await self._attend(door, call_id, place, visitor)
        await visitor.close(code, word)
        return None

    async def _attend(
        self, door: str, call_id: str, place: MonitorEndpoint | None, visitor: Socket
    ) -> tuple[int, str]:
        """Relay until the call or the visitor is gone. Returns the close code and its text."""
        monitor = self._monitors(call_id)
        if monitor is not None:
            return await DOORS[door](monitor, visitor.send, Incoming(visitor))
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
        return await self._relay(door, call_id, place, visitor)

    async def _relay(
        self, door: str, call_id: str, place: MonitorEndpoint, visitor: Socket
    ) -> tuple[int, str]:
        try:
            neighbour = await unix_connect(
                place.path,
                uri=f"ws://localhost{door}{call_id}",
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
            return await relay(neighbour, visitor.send, Incoming(visitor))

    async def _serve_neighbour(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        code, word = NOT_LIVE, "the call is not in progress"
        for door, attend_at in DOORS.items():
            monitor = self._monitors(path.removeprefix(door)) if path.startswith(door) else None
            if monitor is not None:
                code, word = await attend_at(monitor, connection.send, Incoming(connection))
        await connection.close(code, word)


async def _follow(monitor: Monitor, send: Send, incoming: Incoming) -> tuple[int, str]:
    try:
        listener = monitor.join()
    except TooManyListeners as full:
        return TRY_LATER, str(full)
    try:
        await pump(listener, send, _left(incoming))
    finally:
        monitor.leave(listener)
    return monitor.farewell


async def _speak(monitor: Monitor, send: Send, incoming: Incoming) -> tuple[int, str]:
    return await attend(monitor.supervision, send, incoming)


async def _left(incoming: Incoming) -> None:
    """Wait until the listener closes. Its messages are ignored."""
    async for _ in incoming:
        pass


# What each path is for.
DOORS: Mapping[str, Callable[[Monitor, Send, Incoming], Awaitable[tuple[int, str]]]] = {
    PATH: _follow,
    SPEAK: _speak,
}
