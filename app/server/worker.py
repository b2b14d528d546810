"""Gunicorn's worker: uvicorn with our bounds, and a stop that waits for calls.

``gunicorn -k app.server.worker.Worker app.server.asgi:application``
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn import Config, Server
from uvicorn.server import ServerState
from uvicorn_worker import UvicornWorker

from app import temporary
from app.environment import SettingsError, log_format
from app.private_files import UMASK
from app.server.gunicorn_workarounds import second_is_quit, wait_for_calls
from app.server.uvicorn_workarounds import names_no_path
from app.telemetry import json_log, shared_metrics
from providers.common.json_types import JsonDict

if TYPE_CHECKING:  # gunicorn's master would load it, and a reload would not replace it
    from app.server.connections import Connections

# https://www.uvicorn.org/settings/
SETTINGS: JsonDict = {
    "loop": "auto",
    # by name: a reload must load them anew
    "http": "app.server.protocols:HttpConnection",
    "ws": "app.server.protocols:SocketConnection",
    # a carrier's message has hundreds of bytes; a larger one closes with 1009
    "ws_max_size": 64 * 1024,
    "ws_per_message_deflate": False,  # no decompression bombs, and audio does not compress
    # Together: a peer that vanished is noticed within 13 s. Sound alone does not tell, because a
    # carrier may pause it.
    "ws_ping_interval": 5.0,
    "ws_ping_timeout": 8.0,
    "lifespan": "on",
    "proxy_headers": False,  # URLs come from PUBLIC_URL, never from headers that a client can forge
    "server_header": False,
    "access_log": False,  # paths hold tokens
    # Seconds between two signs of life. Gunicorn's master ends a worker, and its calls, after 30
    # without one. uvicorn's 15 would leave 15 for a machine that stands still.
    "timeout_notify": 0.5,
    "timeout_graceful_shutdown": 10,  # for requests, once no call is up any more
}

# Gunicorn's master gives up when a worker exits with this status: it cannot start.
# https://docs.gunicorn.org/en/stable/settings.html
WORKER_BOOT_ERROR = 3


class BoundedState(ServerState):
    """What uvicorn hands to every connection, and with it our bounds."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self.bounded = connections


class DrainingServer(Server):
    """Lets the application's calls end before uvicorn closes their sockets with 1012.

    It serves HTTP meanwhile, because a carrier's webhooks about a live call need an answer.
    """

    def __init__(self, config: Config, connections: Connections) -> None:
        super().__init__(config)
        config.timeout_keep_alive = connections.bounds.keep_alive_seconds  # type: ignore[assignment]
        self.server_state = BoundedState(connections)
        self._connections = connections
        self._watching: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watching = asyncio.create_task(self._connections.watch())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ticking = asyncio.create_task(self._tick())
        try:
            drain = getattr(self.config.app, "drain", None)
            if drain is not None:
                await drain(partial(self._stop_listening, sockets or []))
            self._stop_listening(sockets or [])
            await self._connections.leave()
            await super().shutdown(sockets)
        finally:
            ticking.cancel()
            if self._watching is not None:
                self._watching.cancel()

    def quit(self) -> None:
        """Stop at once, and let no call continue."""
        self.should_exit = True
        getattr(self.config.app, "force_drain", lambda: None)()

    def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Accept no more. What is open gets its answers, each the last of its connection."""
        self._connections.leaving = True
        for connection in self.server_state.connections:
            getattr(connection, "leave", lambda: None)()  # a websocket has none
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()

    async def _tick(self) -> None:
        """Report to gunicorn's master, which kills a silent worker."""
        while True:
            await self.on_tick(0)
            await asyncio.sleep(1)


class Worker(UvicornWorker):  # type: ignore[misc]  # untyped package
    """The worker class for gunicorn's ``-k``.

    TERM lets calls end by themselves for DRAIN_SECONDS, however often it comes, because gunicorn
    repeats it. QUIT ends them. Gunicorn's master sends QUIT after INT, after QUIT, and after a
    second TERM.
    """

    CONFIG_KWARGS = SETTINGS
    # The master's configuration. A HUP replaces it.
    gunicorn: ClassVar[Any] = None

    @classmethod
    def setup(cls) -> None:
        """Called by gunicorn whenever it has set up its own logging: at the start and at a HUP."""
        with suppress(SettingsError):  # the worker's start reports the faulty setting
            if log_format() == "json":
                json_log.configure_server()

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Called by gunicorn's master once, before there are workers.

        Gunicorn itself ignores a second TERM.
        """
        before = signal.getsignal(signal.SIGTERM)
        if callable(before):
            signal.signal(
                signal.SIGTERM, second_is_quit(wait_for_calls(before, lambda: cls.gunicorn))
            )
        os.umask(UMASK)
        temporary.sweep()
        shared_metrics.share()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Worker.gunicorn = self.cfg  # still in the master
        logging.getLogger("uvicorn.error").addFilter(names_no_path)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        # A full garbage collection takes 50 ms, unless it skips what the program has loaded.
        gc.freeze()
        server = DrainingServer(self.config, self.wsgi.connections)
        asyncio.get_running_loop().add_signal_handler(signal.SIGQUIT, server.quit)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(WORKER_BOOT_ERROR)
