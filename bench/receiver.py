"""``python -m bench.receiver PORT``: a client's server that answers each message at once.

It answers GET with the number of messages so far. A bench may run it in its own loop, to see each
message as it comes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import cast

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
COUNT = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d"

Seen = Callable[[bytes], None]
"""Takes the body of a message."""


class Receiver(asyncio.Protocol):
    """One connection, kept alive as long as the sender wants."""

    came = 0
    """Messages of all connections."""

    def __init__(self, seen: Seen) -> None:
        self._seen, self._body = seen, b""
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._transport.write(COUNT % (len(str(Receiver.came)), Receiver.came))
            return
        self._transport.write(ANSWER)
        Receiver.came += 1
        body, self._body = self._body, b""
        self._seen(body)


async def listen(port: int, seen: Seen) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Receiver(seen), "127.0.0.1", port, backlog=1024)


async def _serve(port: int) -> None:
    await (await listen(port, lambda body: None)).serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
