"""Whether the port of ``patchbay serve`` is free: the web server's own message names no setting."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable

import click

INHERITED = frozenset({"GUNICORN_FD", "LISTEN_FDS"})
"""Variables by which gunicorn and systemd hand an open socket over.

https://docs.gunicorn.org/en/stable/deploy.html#systemd
"""
# As gunicorn tries a port that is taken.
RETRIES, RETRY_SECONDS = 5, 1.0


def check_free(host: str, port: int, pause: Callable[[float], None] = time.sleep) -> None:
    """Raise ``click.ClickException`` if another program listens there, and goes on to.

    A server that was killed is started again before the last of its processes has gone.
    """
    if INHERITED & os.environ.keys():
        return
    for _ in range(RETRIES):
        if not _is_taken(host, port):
            return
        pause(RETRY_SECONDS)
    if _is_taken(host, port):
        raise click.ClickException(
            f"port {port} is taken by another program: set PORT to a free one"
        )


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
