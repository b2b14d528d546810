"""Gunicorn's worker: uvicorn with our bounds, and a stop that lets calls go first.

``gunicorn -k app.worker.Worker app.asgi:application``
"""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any

from uvicorn import Server
from uvicorn_worker import UvicornWorker

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
    "timeout_graceful_shutdown": 20,  # hosts kill after 30 s
}
"""https://www.uvicorn.org/settings/"""

WORKER_BOOT_ERROR = 3
"""The exit status by which gunicorn's master knows that a worker cannot start: it gives up then."""


class DrainingServer(Server):
    """Asks the application to let its sockets go before uvicorn closes them with 1012."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drain = getattr(self.config.app, "drain", None)
        if drain is not None:
            await drain()
        await super().shutdown(sockets)


class Worker(UvicornWorker):  # type: ignore[misc]  # untyped package
    """For gunicorn's ``-k``."""

    CONFIG_KWARGS = SETTINGS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logging.getLogger("uvicorn.error").addFilter(names_no_path)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(WORKER_BOOT_ERROR)


def names_no_path(record: logging.LogRecord) -> bool:
    """False for uvicorn's line per websocket handshake: its path holds the stream's token."""
    return '"WebSocket %s"' not in str(record.msg)
