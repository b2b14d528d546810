"""The workarounds around uvicorn: that they work, and that they are still needed."""

from __future__ import annotations

import inspect
import logging

from uvicorn import Config
from uvicorn.protocols.websockets import websockets_sansio_impl

from app.server.protocols import SocketConnection
from app.server.uvicorn_workarounds import names_no_path
from app.server.worker import SETTINGS

LINE = '%s - "WebSocket %s" [accepted]'


def test_handshakes_are_not_logged_with_their_paths() -> None:
    secret = logging.LogRecord("uvicorn.error", 20, "", 1, LINE, ("ip", "/media/x/t"), None)
    other = logging.LogRecord("uvicorn.error", 20, "", 1, "Shutting down", (), None)
    assert not names_no_path(secret)
    assert names_no_path(other)
    assert SETTINGS["access_log"] is False


def test_names_no_path_is_still_needed() -> None:
    """Once the line goes to ``uvicorn.access``: delete the filter, ``access_log`` is enough."""
    assert issubclass(SocketConnection, websockets_sansio_impl.WebSocketsSansIOProtocol)
    source = inspect.getsource(websockets_sansio_impl)
    assert LINE in source
    assert 'getLogger("uvicorn.error")' in source
    assert "uvicorn.access" not in source


def test_our_protocols_are_still_needed() -> None:
    """Once uvicorn bounds heads and bodies: leave it to that. https://github.com/Kludex/uvicorn/issues/157"""
    times = {name for name in inspect.signature(Config).parameters if "timeout" in name}
    assert times == {
        "timeout_keep_alive",
        "timeout_notify",
        "timeout_worker_healthcheck",
        "timeout_graceful_shutdown",
        "ws_ping_timeout",
    }


def test_a_half_open_connection_is_still_left_to_the_kernel() -> None:
    """Once uvicorn aborts it: delete ``keepalive_timeout``. tests/media/test_half_open.py holds it."""
    source = inspect.getsource(websockets_sansio_impl.WebSocketsSansIOProtocol.keepalive_timeout)
    assert "self.transport.close()" in source
    assert "abort" not in source
