"""A media socket that the bridge does not open: the carrier is told, and the call goes on."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from providers.simulation.media_socket import SocketRefused
from providers.twilio.simulator.media import MediaStream

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: the connection is cut, not closed."""
ENDS = {
    "reset": RESET,  # the bridge's process was killed
    "closed": struct.pack("ii", 0, 0),
}


@pytest.mark.parametrize("linger", ENDS.values(), ids=ENDS)
def test_a_connection_that_ends_in_the_handshake_is_a_refusal(linger: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/media"
        stream = MediaStream(url, {}, 0.0, account_sid="AC1", call_sid="CA1", parameters={})
        with pytest.raises(SocketRefused):
            stream.open()
        thread.join()
    assert stream.done.is_set()
