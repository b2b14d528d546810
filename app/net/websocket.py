"""The websocket client, for the relay and for the vendors' sockets, pipecat's services included."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urlsplit

from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection

from app.net.addresses import vetted
from app.net.headers import HEADER_NAME, HEADER_VALUE, without_framing
from app.net.trust import trust
from app.net.types import Addresses


class Pings(NamedTuple):
    """How a peer that vanished is noticed, in seconds."""

    every: float
    answered_within: float


USUAL_PINGS = Pings(20.0, 20.0)
# Of a stream that a caller listens to: noticed as soon as a carrier's socket (``server/worker.py``).
STREAM_PINGS = Pings(5.0, 8.0)
# Messages held while our side is slow. Then the server has to wait.
MAX_QUEUE = 16
# The longest wait for a peer that reads nothing more. A caller's sound fills what is on the way
# within seconds. Then no ping can be sent, which would notice that the peer has vanished.
WRITE_SECONDS = 5.0


class BadHeaders(ValueError):
    """A handshake cannot carry these headers; the message names the field."""


class BoundedConnection(client.ClientConnection):
    """The library's, whose waits for the peer to read are bounded: also in a ping, and in a close.

    After ``WRITE_SECONDS`` the connection is broken, as by a network: ``ConnectionClosed``. The
    library bounds the wait for answers only. No issue of its was found. Written for websockets 17.4.
    """

    async def drain(self) -> None:
        if not self.paused:
            return await super().drain()
        async with asyncio.timeout(WRITE_SECONDS):
            return await super().drain()


async def open_socket(
    url: str,
    addresses: Addresses | None,
    *,
    headers: Mapping[str, str],
    seconds: float,
    close_seconds: float,
    max_message: int,
    tls: ssl.SSLContext | None = None,
    pings: Pings = USUAL_PINGS,
) -> ClientConnection:
    """``connect`` without compression; messages up to ``max_message``."""
    opening: dict[str, Any] = {
        "additional_headers": headers,
        "user_agent_header": "patchbay",
        "compression": None,  # audio hardly compresses, and each message would cost time
        "close_timeout": close_seconds,
        "ping_interval": pings.every,
        "ping_timeout": pings.answered_within,
        "max_size": max_message,
        "max_queue": MAX_QUEUE,
    }
    if tls is not None:
        opening["ssl"] = tls
    return await connect(url, addresses, seconds, **opening)


async def connect(
    url: str, addresses: Addresses | None, seconds: float, **opening: Any
) -> ClientConnection:
    """Connect within ``seconds``, without redirects. ``opening``: the library's own options.

    ``addresses``: the policy for a URL that a client chose, whose connection ignores the
    environment's proxies. None: the URL is the operator's or a vendor's. Raises ``BadURL``,
    ``OSError``, ``ValueError`` and ``WebSocketException``.
    """
    opening["open_timeout"] = None  # ``seconds`` is for all addresses together
    opening["create_connection"] = BoundedConnection
    url, _ = urldefrag(url)  # the library refuses what is not sent anyway
    if urlsplit(url).scheme == "wss":
        opening.setdefault("ssl", trust())
    try:
        async with asyncio.timeout(seconds):
            places = await _places(url, addresses)
            for place in places[:-1]:
                try:
                    return await _Direct(url, **opening, **place)
                except OSError:
                    continue  # the next address may answer
            return await _Direct(url, **opening, **places[-1])
    except TimeoutError as error:
        raise TimeoutError(f"no connection within {seconds:g} s") from error


async def _places(url: str, addresses: Addresses | None) -> list[dict[str, Any]]:
    """The options for each vetted address in turn.

    The certificate is checked for the URL's name.
    """
    if addresses is None:
        return [{}]
    found = await vetted(re.sub("^ws", "http", url), addresses)
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    named = {"server_hostname": (parts.hostname or "").rstrip(".")} if secure else {}
    port = parts.port or (443 if secure else 80)
    return [{"host": place, "port": port, "proxy": None, **named} for place in found]


class _Direct(client.connect):
    """A connection without redirects: only the first URL was vetted."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def checked_headers(given: object, where: str) -> dict[str, str]:
    """An assistant's ``headers`` for a handshake, without those of the connection.

    ``where``: its field. Raises ``BadHeaders``.
    """
    if not isinstance(given, Mapping):
        raise BadHeaders(f"The assistant's {where} is not an object.")
    for name, value in given.items():
        if not (
            HEADER_NAME.fullmatch(name) and isinstance(value, str) and HEADER_VALUE.fullmatch(value)
        ):
            raise BadHeaders(f"The assistant's {where} has a bad {name[:40]!r}.")
    return without_framing(given)
