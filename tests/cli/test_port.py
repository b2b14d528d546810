"""The port of the web server, before it starts."""

from __future__ import annotations

import socket

import click
import pytest

from app.cli.port import INHERITED, RETRIES, RETRY_SECONDS, check_free

HOST = "127.0.0.1"


def test_a_port_that_is_taken_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in INHERITED:
        monkeypatch.delenv(name, raising=False)
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        waits = list[float]()
        with pytest.raises(click.ClickException, match=f"port {port} is taken .* set PORT"):
            check_free(HOST, port, waits.append)
        assert waits == [RETRY_SECONDS] * RETRIES
        monkeypatch.setenv("GUNICORN_FD", "5")  # a new master beside the old one
        check_free(HOST, port)
    monkeypatch.delenv("GUNICORN_FD")
    check_free(HOST, port)


def test_a_port_that_a_killed_server_leaves_late(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in INHERITED:
        monkeypatch.delenv(name, raising=False)
    with socket.create_server((HOST, 0)) as other:
        check_free(HOST, other.getsockname()[1], lambda _: other.close())
