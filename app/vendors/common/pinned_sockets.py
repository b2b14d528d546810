"""Opens the websockets of pipecat's services by ``app.net``. Imports pipecat: load it lazily."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pipecat.services.websocket_service import WebsocketService
from websockets.asyncio.client import ClientConnection

from app.net.types import Addresses
from app.net.websocket import connect
from app.vendors.common.errors import MAX_ERROR_TEXT, deny_all

# For a handshake. pipecat waits 10, while the caller hears nothing.
OPEN_SECONDS = 5.0
# What a URL holds as it is, escapes included. https://www.rfc-editor.org/rfc/rfc3986#section-2
URL_SIGNS = ":/?#[]@!$&'()*+,;=%~"
# Of a connection that broke without a closing frame.
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
BROKEN = 1006


def closing_words(socket: ClientConnection | None) -> str:
    """What the other side said when it closed; empty while it is open, or if it broke."""
    code = socket.close_code if socket is not None else None
    if socket is None or code is None or code == BROKEN:
        return ""
    said = f"the server closed the connection: {code} {socket.close_reason or ''}"
    return said[: MAX_ERROR_TEXT // 2].strip()


class PinnedSockets(WebsocketService):
    """A mixin, named before pipecat's class of a vendor.

    pipecat opens sockets with the library's ``connect``. That looks the name up again, and follows
    redirects to any address. No issue of pipecat's was found. Written for pipecat 1.14.
    """

    # The rule for the server's addresses; None: it is the vendor's, or the operator's own.
    addresses: Addresses | None = staticmethod(deny_all)

    async def _websocket_connect(self, uri: str, **options: Any) -> ClientConnection:
        """Called by pipecat's class, with the same result.

        It puts some of the assistant's fields into the URL as they are: spaces would end it.
        """
        uri = quote(uri, safe=URL_SIGNS)
        options.setdefault("close_timeout", self._ws_close_timeout)
        socket = await connect(uri, self.addresses, OPEN_SECONDS, **options)
        self.note_socket(socket)
        return socket

    def note_socket(self, socket: ClientConnection) -> None:
        """Called with each socket that opens."""
