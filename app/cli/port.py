"""Whether the port of ``patchbay serve`` is free: the web server's own message names no setting."""

from __future__ import annotations

import errno
import os
import socket

import click

INHERITED = frozenset({"GUNICORN_FD", "LISTEN_FDS"})
"""Variables by which gunicorn and systemd hand an open socket over.

https://docs.gunicorn.org/en/stable/deploy.html#systemd
"""


def check_free(host: str, port: int) -> None:
    """Raise ``click.ClickException`` if another program listens there."""
    if INHERITED & os.environ.keys():
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise click.ClickException(
                    f"port {port} is taken by another program: set PORT to a free one"
                ) from error
