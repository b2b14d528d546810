"""A TCP proxy before a server, which can swallow everything, cut everything, or lead elsewhere."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self

CHUNK = 65536


class FaultProxy:
    """Runs in a thread of its own. ``port`` is where it listens, ``target`` where it leads."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._silent = False
        self._writers = set[asyncio.StreamWriter]()
        self._muted = set[asyncio.StreamWriter]()
        """Of connections through which nothing goes any more."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def swallow(self) -> None:
        """From now on nothing gets through, and connections are accepted and not answered."""
        self._silent = True
        self._loop.call_soon_threadsafe(lambda: self._muted.update(self._writers))

    def heal(self) -> None:
        """New connections get through again. The old ones stay dead: their server has moved."""
        self._silent = False

    def reset(self) -> None:
        """Cut all connections."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._silent:
            self._muted.add(writer)
        with suppress(OSError):
            beyond, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(back)
            if self._silent:
                self._muted.add(back)
            await asyncio.gather(self._copy(reader, back), self._copy(beyond, writer))
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if writer not in self._muted:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._muted:
            writer.close()
        self._writers.discard(writer)
