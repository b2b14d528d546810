"""Where we change uvicorn, with the reason.

Written for uvicorn 0.54, the locked version. ``tests/server/test_uvicorn_workarounds.py`` fails
once uvicorn makes it needless.
"""

from __future__ import annotations

import logging

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

NO_PONG = "no answer to pings"


def names_no_path(record: logging.LogRecord) -> bool:
    """A filter of ``uvicorn.error``: False for the line about a websocket handshake.

    Its path holds the stream's token. ``access_log`` is off, but does not concern this line:
    uvicorn writes it to the logger of errors. https://github.com/Kludex/uvicorn/issues/562
    """
    return '"WebSocket %s"' not in str(record.msg)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Drops the connection of a peer that answers no ping.

    uvicorn closes such a connection once what was sent is read. With sound on its way that is
    after minutes, when the kernel gives up. It also names no cause. No issue of uvicorn's was found.
    """

    def keepalive_timeout(self) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": NO_PONG})
        super().keepalive_timeout()
        self.transport.abort()
