"""One connection: its states, how long each may last, and why it may be closed early."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.net.peer import network_of


class State(StrEnum):
    """What a connection does. The names are those of ``patchbay_connections``."""

    HEAD = "head"
    """Waits for the rest of a request's head, or for a first byte."""
    BODY = "body"
    """Waits for the rest of a request's body."""
    ANSWER = "answer"
    """The request is here, and its answer is made or sent."""
    IDLE = "idle"
    """Kept alive: the last request was answered."""
    SOCKET = "socket"
    """A websocket."""
    CLOSING = "closing"
    """Closed by us. What was written last is not read yet."""


class Refusal(StrEnum):
    """Why a connection was closed early. The names are those of ``patchbay_connections_refused``."""

    HEAD = "head"
    """The head took too long, or was too long."""
    BODY = "body"
    """The body took too long."""
    UNREAD = "unread"
    """The client did not read its answer."""
    PEER = "peer"
    """Its address had too many connections without a whole head."""
    FULL = "full"
    """There were too many connections in all."""
    NO_START = "no_start"
    """A media socket that sent no ``start``."""


MEANING: Mapping[Refusal, str] = {
    Refusal.HEAD: "with an unfinished or too long head",
    Refusal.BODY: "with an unfinished body",
    Refusal.UNREAD: "whose client did not read its answer",
    Refusal.PEER: "over MAX_UNFINISHED_PER_ADDRESS",
    Refusal.FULL: "over MAX_CONNECTIONS",
}

WAITS = frozenset({State.HEAD, State.BODY})
"""States of a request that is not whole."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a client may take. Times are in seconds."""

    most: int = 1000
    """Connections of this process."""
    unfinished_per_address: int = 100
    """Connections of one address whose head is not whole after 3 s. 0: no limit."""
    keep_alive_seconds: float = 95.0
    head_seconds: float = 15.0
    """From the connection, or the first byte of a later request, to the head's end."""
    body_seconds: float = 35.0
    """From the head to the body's end: longer than the bridge waits, which answers 408."""
    unread_seconds: float = 30.0
    """How long a client may read nothing of its answer."""
    closing_seconds: float = 15.0
    """How long a closed connection may keep its last bytes."""
    leaving_seconds: float = 1.0
    """When the process stops: how long idle connections get for a last request."""
    last_head_seconds: float = 2.0
    """``head_seconds`` when the process stops."""
    last_body_seconds: float = 5.0
    """``body_seconds`` when the process stops."""


@dataclass(slots=True, eq=False)
class Connection:
    """One connection. Only ``Connections`` changes it."""

    transport: asyncio.Transport
    address: str
    state: State
    since: float
    unread_since: float = 0.0


def address_of(transport: asyncio.BaseTransport) -> str:
    """The peer's address, of IPv6 the network that one subscriber has. Empty for a Unix socket."""
    peer = transport.get_extra_info("peername")
    return network_of(peer[0]) if isinstance(peer, tuple) else ""
