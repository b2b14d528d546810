"""Gunicorn's worker: uvicorn with our bounds, and a stop that lets calls go first.

``gunicorn -k app.server.worker.Worker app.server.asgi:application``
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from uvicorn import Server
from uvicorn_worker import UvicornWorker

from app.server.gunicorn_workarounds import second_is_quit, wait_for_calls
from app.server.uvicorn_workarounds import names_no_path
from app.settings import SettingsError, log_format
from app.telemetry import json_log, shared_metrics

SETTINGS: dict[str, Any] = {
    "loop": "auto",
    "http": "auto",
    "ws": "websockets-sansio",
    "ws_max_size": 64 * 1024,  # a carrier's messages have hundreds of bytes; larger: closed, 1009
    "ws_per_message_deflate": False,  # no decompression bombs, and sound does not compress
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,  # with the interval: a dead peer is noticed within 40 s
    "lifespan": "on",
    "proxy_headers": False,  # URLs are built from PUBLIC_URL, never from what a client can send
    "server_header": False,
    "access_log": False,  # paths hold tokens
    "timeout_graceful_shutdown": 10,  # of requests, once no call is up any more
}
"""https://www.uvicorn.org/settings/"""

WORKER_BOOT_ERROR = 3
"""The exit status by which gunicorn's master knows that a worker cannot start: it gives up then."""


class DrainingServer(Server):
    """Lets the application's calls end before uvicorn closes their sockets with 1012.

    Meanwhile it serves on: a carrier whose call is up has to be answered.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ticking = asyncio.create_task(self._tick())
        try:
            drain = getattr(self.config.app, "drain", None)
            if drain is not None:
                await drain(partial(self._stop_listening, sockets or []))
            await super().shutdown(sockets)
        finally:
            ticking.cancel()

    def quit(self) -> None:
        """Stop, and let no call go on."""
        self.should_exit = True
        getattr(self.config.app, "force_drain", lambda: None)()

    def _stop_listening(self, sockets: list[socket.socket]) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()

    async def _tick(self) -> None:
        """The main loop has ended, and gunicorn kills a worker that it does not hear of."""
        while True:
            await self.on_tick(0)
            await asyncio.sleep(1)


class Worker(UvicornWorker):  # type: ignore[misc]  # untyped package
    """For gunicorn's ``-k``.

    TERM lets calls end by themselves for DRAIN_SECONDS, however often it comes: gunicorn repeats
    it. QUIT, which gunicorn's master makes of its INT and QUIT, and of a second TERM, ends them.
    """

    CONFIG_KWARGS = SETTINGS
    gunicorn: ClassVar[Any] = None
    """The master's configuration; after a HUP it is another one."""

    @classmethod
    def setup(cls) -> None:
        """Called by gunicorn whenever it has set its own logging up: at the start and at a HUP."""
        with suppress(SettingsError):  # the worker's start names it
            if log_format() == "json":
                json_log.configure_server()

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Called by gunicorn's master once, before there are workers.

        By itself it takes no notice of another TERM.
        """
        before = signal.getsignal(signal.SIGTERM)
        if callable(before):
            signal.signal(
                signal.SIGTERM, second_is_quit(wait_for_calls(before, lambda: cls.gunicorn))
            )
        shared_metrics.share()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Worker.gunicorn = self.cfg  # still in the master
        logging.getLogger("uvicorn.error").addFilter(names_no_path)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        asyncio.get_running_loop().add_signal_handler(signal.SIGQUIT, server.quit)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(WORKER_BOOT_ERROR)
