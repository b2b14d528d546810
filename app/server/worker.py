"""Gunicorn's worker: uvicorn with our bounds, and a stop that lets calls go first.

``gunicorn -k app.server.worker.Worker app.server.asgi:application``
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, ClassVar

from uvicorn import Server
from uvicorn_worker import UvicornWorker

from app.settings import SettingsError, drain_seconds, log_format
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


CLOSING_SECONDS = 20.0
"""What a worker may take beside DRAIN_SECONDS: to end what remains, and to answer what is asked."""
SAME_ORDER_SECONDS = 1.0
"""Two TERMs within it are one order: some hosts signal the whole group and the process itself."""

Signalled = Callable[[int, FrameType | None], Any]


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
            signal.signal(signal.SIGTERM, second_is_quit(cls.patiently(before)))
        shared_metrics.share()

    @classmethod
    def patiently(cls, handle: Signalled) -> Signalled:
        """The master's handler; by itself it kills its workers 30 s after a TERM.

        That time is changed at the TERM only: a HUP holds the master up for as long.
        """

        def handler(number: int, frame: FrameType | None) -> None:
            with suppress(SettingsError):  # then no worker is there
                most = math.ceil(drain_seconds() + CLOSING_SECONDS)
                cls.gunicorn.set("graceful_timeout", max(cls.gunicorn.graceful_timeout, most))
            handle(number, frame)

        return handler

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


def second_is_quit(handle: Signalled) -> Signalled:
    """A handler of TERM: later ones are handled as QUIT."""
    first = list[float]()

    def handler(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        again = bool(first) and now - first[0] > SAME_ORDER_SECONDS
        first.append(now)
        handle(signal.SIGQUIT if again else number, frame)

    return handler


def names_no_path(record: logging.LogRecord) -> bool:
    """False for uvicorn's line per websocket handshake: its path holds the stream's token."""
    return '"WebSocket %s"' not in str(record.msg)
