"""Every media socket of this process: accepts them, and closes them when their call is over.

The path is ``/media/<carrier>/<token>``. The token is claimed, once, before the handshake is
answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from app.domain.services.media import MediaService, NoCapacity, StreamClaim
from app.domain.services.operator_media import OperatorMedia
from app.media import commands
from app.media.close_reason import CloseCause, CloseReason
from app.media.drain import Drain
from app.media.heartbeat import Heartbeat
from app.media.limits import Limits
from app.media.monitor.endpoint import PATH as LISTEN
from app.media.monitor.endpoint import MonitorServer
from app.media.monitor.listeners import Monitor
from app.media.monitor.supervise import PATH as SUPERVISE
from app.media.recording import spool
from app.media.session import Backends, MediaSession
from app.media.socket import Receive, Scope, Send, Socket, SocketClosed
from app.media.store_thread import in_store_thread, take_in_store_thread
from app.telemetry.once_a_minute import FewLines
from providers.base.carrier import Carrier
from providers.errors import ProviderError

FORBIDDEN, UNAVAILABLE = 403, 503

log = logging.getLogger(__name__)


class Hub:
    """An ASGI application for ``websocket`` scopes."""

    def __init__(
        self,
        service: MediaService,
        providers: Mapping[str, Carrier],
        backends: Backends,
        limits: Limits | None = None,
        *,
        operators: OperatorMedia | None = None,
        no_start: Callable[[], None] = lambda: None,
    ) -> None:
        """``operators``: the use cases of sockets on operators' legs; None: there are none.

        ``no_start`` is called for each socket that was accepted and sent no ``start``.
        """
        self._no_start = no_start
        self._strangers = FewLines(log)
        self._service = service
        self._operators = operators
        self._presence = service.presence
        self._providers = providers
        self._backends = backends
        self._limits = limits or Limits()
        self._sessions = dict[MediaSession, asyncio.Task[None] | None]()
        self._submissions = spool.Submissions(service)
        self._heartbeat = Heartbeat(service)
        self._draining = Drain(service.presence, self._heartbeat, self._sessions)
        self._listening = MonitorServer(service, self._monitor_of)
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchers = list[asyncio.Task[None]]()

    async def start(self) -> None:
        """Start the heartbeat, the monitor endpoint, and the watch over calls and recordings."""
        self._loop = asyncio.get_running_loop()
        await self._listening.start()
        self._watchers = [
            asyncio.create_task(self._poll_forever()),
            asyncio.create_task(spool.collect(self._service)),
        ]
        await self._heartbeat.start()

    def wake(self, call_id: str) -> None:
        """Look at this call now, if its socket is here: it has ended or has a new command.

        May be called from any thread.
        """
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: no socket is left
                self._loop.call_soon_threadsafe(self._wake, call_id)

    async def stop(self) -> None:
        """``drain``, then stop the tasks."""
        await self.drain()
        await self._submissions.finish()
        await self._heartbeat.stop()
        await self._listening.stop()
        for watcher in self._watchers:
            watcher.cancel()
        if self._watchers:
            await asyncio.wait(self._watchers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = Socket(scope, receive, send, stall_seconds=self._limits.stall_seconds)
        if scope["path"].startswith((LISTEN, SUPERVISE)):
            return await self._listening.serve(scope, socket)
        with self._draining.socket_opening():
            claim = await self._admit(scope)
        if isinstance(claim, int):
            return await socket.refuse(claim)
        try:
            await self._serve(claim, socket)
        finally:
            self._presence.release(claim.backend)

    async def _serve(self, claim: StreamClaim, socket: Socket) -> None:
        of_operator = self._operators if claim.transfer else None
        service = of_operator or self._service
        session = MediaSession(claim, socket, service, self._backends, self._limits)
        self._sessions[session] = asyncio.current_task()
        self._presence.sockets = len(self._sessions)
        try:
            await socket.accept()
            await session.run()
            if not session.started:
                self._no_start()
        except SocketClosed:
            return
        finally:
            del self._sessions[session]
            self._presence.sockets = len(self._sessions)
            self._draining.socket_closed()
            if session.recording is not None:
                self._submissions.add(session.recording)

    async def _admit(self, scope: Scope) -> StreamClaim | int:
        """Return the claimed stream, or the HTTP status that refuses the handshake."""
        raw_path = bytes(scope["raw_path"]).decode("latin-1")
        root, media, name, token = [*raw_path.split("/", 3), "", "", ""][:4]
        provider = self._providers.get(name)
        if root or media != "media" or provider is None or not token:
            return FORBIDDEN
        query = bytes(scope["query_string"]).decode("latin-1")
        target = f"{raw_path}?{query}" if query else raw_path
        headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
        is_operators = self._operators is not None and self._operators.knows(token)
        service = self._operators if self._operators and is_operators else self._service
        try:
            return await take_in_store_thread(
                self._claimed_late, service.claim, provider, token, target, headers
            )
        except ProviderError as error:  # refused, or the account lacks the secret for the check
            self._strangers.warning("media socket refused: %s", error)
            return FORBIDDEN
        except NoCapacity as error:
            log.warning("media socket refused: %s", error)
            return UNAVAILABLE
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return UNAVAILABLE

    def _claimed_late(self, claim: StreamClaim) -> None:
        """Give the slot back: the handshake was refused meanwhile.

        The call goes on as after any socket that never joined: its carrier or its timer asks.
        """
        log.warning(
            "call %s: its media socket was claimed too late, and refused",
            claim.call_id,
            extra={"callId": claim.call_id},
        )
        self._presence.release(claim.backend)

    # -- the end of the process

    def force_drain(self) -> None:
        """End a drain's wait."""
        self._draining.force()

    async def drain(self, stop_listening: Callable[[], None] = lambda: None) -> None:
        """Accept no new socket and wait for the calls to end. At the limit, end the remaining ones.

        ``stop_listening`` is called as soon as another process can answer the carriers' webhooks.
        Until then this process has to answer them.
        """
        await self._draining.run(stop_listening)

    # -- calls that end by another cause

    def _wake(self, call_id: str) -> None:
        if any(session.claim.call_id == call_id for session in self._sessions):
            self._woken.set()

    async def _poll_forever(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.watch_seconds):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._poll()
            # without this task no call could be ended from outside
            except Exception:
                log.exception("looking after the calls failed, and is tried again")

    async def _poll(self) -> None:
        if self._sessions:
            await self._close_stale_sockets()
            await self._close_operators()
            await self._deliver_commands()
        if self._service.has_pending_db_errors:
            await self._flush_db_errors()

    async def _flush_db_errors(self) -> None:
        """Store the failures that the store did not take before, if it is back."""
        with suppress(SQLAlchemyError):  # it was logged when it failed, and is tried again
            await in_store_thread(self._service.flush_db_errors)

    def _monitor_of(self, call_id: str) -> Monitor | None:
        """The monitor of a call whose socket is here; the newest one after a reattach."""
        found = [s.monitor for s in self._own if s.claim.call_id == call_id and s.monitor]
        return found[-1] if found else None

    async def _deliver_commands(self) -> None:
        """Hand commands to the sessions whose end is not decided."""
        able = {s.claim.call_id: s for s in self._own if s.monitor and not s.close_once.is_set}
        try:
            await commands.deliver(
                self._service, [(each.claim, each.call_context) for each in able.values()]
            )
        except SQLAlchemyError as error:
            self._service.store_failed(error)

    async def _close_stale_sockets(self) -> None:
        """Close the sockets of calls that are over, and those that another one has replaced."""
        joined = {session for session in self._own if session.monitor}
        live = {session.claim.call_id for session in self._own}
        try:
            current = await in_store_thread(self._service.streams, live)
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return
        for session in self._own:
            claim = session.claim
            if claim.call_id not in live:
                continue  # it came meanwhile
            if claim.call_id not in current:
                session.close_once.set(CloseReason(CloseCause.OVER))
            elif session in joined and current[claim.call_id] != claim.stream:
                session.close_once.set(CloseReason(CloseCause.SUPERSEDED, word="superseded"))

    @property
    def _own(self) -> Sequence[MediaSession]:
        """The sessions on the calls' own legs; the others are on operators' legs."""
        return [session for session in self._sessions if not session.claim.transfer]

    async def _close_operators(self) -> None:
        """Close the sockets of transfer assistants whose transfer is over."""
        talks = [session for session in self._sessions if session.claim.transfer]
        if not talks or self._operators is None:
            return
        try:
            awaited = await in_store_thread(
                self._operators.awaited, [session.claim for session in talks]
            )
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return
        for session in talks:
            if session.claim.stream not in awaited:
                session.close_once.set(CloseReason(CloseCause.OVER))
