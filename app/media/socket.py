"""An ASGI websocket as whole messages: text is ``str``, binary is ``bytes``.

https://asgi.readthedocs.io/en/latest/specs/www.html#websocket
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class SocketClosed(Exception):
    """The other side has closed, or is gone. ``code`` is the websocket's close code."""

    def __init__(self, code: int, word: str = "") -> None:
        super().__init__(word or f"closed with {code}")
        self.code = code


class SendStalled(Exception):
    """The other side does not read what is sent to it."""


class Socket:
    """One socket, from handshake to close.

    It has one reader; ``MediaStream`` serialises the writers.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, stall_seconds: float) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._stall_seconds = stall_seconds
        self._open = False

    async def accept(self) -> None:
        """Finish the handshake. Offered subprotocols are not echoed: carriers need none.

        Raises ``SocketClosed``.
        """
        await self._receive()  # websocket.connect
        self._open = True
        await self._put({"type": "websocket.accept"})

    async def refuse(self, status: int) -> None:
        """Answer the handshake with an HTTP status, or with 403 where the server supports no other.

        Status 403 is the protocol's own refusal; uvicorn logs every other status as an error.
        """
        await self._receive()
        if status == 403 or "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self._send({"type": "websocket.close"})
            return
        headers = [(b"content-length", b"0")]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        await self._send(
            {"type": "websocket.http.response.start", "status": status, "headers": headers}
        )
        await self._send({"type": "websocket.http.response.body", "body": b""})

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ``SocketClosed``."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            self._open = False
            raise SocketClosed(event.get("code") or 1005, event.get("reason") or "")
        text = event.get("text")
        return text if text is not None else bytes(event["bytes"])

    async def send(self, message: str | bytes) -> None:
        """Send one message.

        Raises ``SocketClosed``, or ``SendStalled`` when the other side did not read in time.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        await self._put({"type": "websocket.send", kind: message})

    async def close(self, code: int, word: str = "") -> None:
        """Close from our side. Does nothing when the socket is closed already."""
        try:
            await self._put({"type": "websocket.close", "code": code, "reason": word[:100]})
        except (SocketClosed, SendStalled):
            pass
        finally:
            self._open = False

    async def _put(self, event: Event) -> None:
        if not self._open:
            raise SocketClosed(1006)
        try:
            async with asyncio.timeout(self._stall_seconds):
                await self._send(event)
        except TimeoutError as error:
            self._open = False
            raise SendStalled("the carrier does not take our sound") from error
        # RuntimeError: the server has closed the socket just now
        except (OSError, RuntimeError) as error:
            self._open = False
            raise SocketClosed(1006) from error
