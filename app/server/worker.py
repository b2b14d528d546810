"""Gunicorn's worker: uvicorn with our bounds, and a stop that waits for calls.

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

# https://www.uvicorn.org/settings/
SETTINGS: dict[str, Any] = {
    "loop": "auto",
    "http": "auto",
    "ws": "websockets-sansio",
    # a carrier's message has hundreds of bytes; a larger one closes with 1009
    "ws_max_size": 64 * 1024,
    "ws_per_message_deflate": False,  # no decompression bombs, and audio does not compress
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,  # with the interval: a dead peer is noticed within 40 s
    "lifespan": "on",
    "proxy_headers": False,  # URLs come from PUBLIC_URL, never from headers that a client can forge
    "server_header": False,
    "access_log": False,  # paths hold tokens
    "timeout_graceful_shutdown": 10,  # for requests, once no call is up any more
}

# Gunicorn's master gives up when a worker exits with this status: it cannot start.
# https://docs.gunicorn.org/en/stable/settings.html
WORKER_BOOT_ERROR = 3


# What a worker may take beside DRAIN_SECONDS, to end the last calls and to answer requests.
CLOSING_SECONDS = 20.0
# Two TERMs within this time are one: some hosts signal the process group and the process itself.
SAME_ORDER_SECONDS = 1.0

Signalled = Callable[[int, FrameType | None], Any]


class DrainingServer(Server):
    """Lets the application's calls end before uvicorn closes their sockets with 1012.

    It serves HTTP meanwhile, because a carrier's webhooks about a live call need an answer.
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
        """Stop at once, and let no call continue."""
        self.should_exit = True
        getattr(self.config.app, "force_drain", lambda: None)()

    def _stop_listening(self, sockets: list[socket.socket]) -> None:
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
            signal.signal(signal.SIGTERM, second_is_quit(cls.patiently(before)))
        shared_metrics.share()

    @classmethod
    def patiently(cls, handle: Signalled) -> Signalled:
        """Wrap the master's handler, which would kill its workers 30 s after a TERM.

        The time is changed at the TERM only, because it also bounds how long a HUP blocks the
        master.
        """

        def handler(number: int, frame: FrameType | None) -> None:
            with suppress(SettingsError):  # a faulty setting: there is no worker then
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
    """Wrap the handler of TERM so that later ones act as QUIT."""
    first = list[float]()

    def handler(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        again = bool(first) and now - first[0] > SAME_ORDER_SECONDS
        first.append(now)
        handle(signal.SIGQUIT if again else number, frame)

    return handler


def names_no_path(record: logging.LogRecord) -> bool:
    """False for uvicorn's line about a websocket handshake: its path holds the stream's token."""
    return '"WebSocket %s"' not in str(record.msg)
