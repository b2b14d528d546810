"""Connections that are kept open between two requests of ``http.post``.

One is used again only for the same place: vetted address, port, scheme and name. So the policy of
``addresses`` decides about each request.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from app.net.addresses import Target

# Connections to one place, and in all.
PER_PLACE = 8
MOST = 64
# Seconds that one is kept. Servers close idle ones after 5 s and more.
IDLE_SECONDS = 4.0

Place = tuple[str, int, bool, str]
"""Address, port, whether with TLS, and the URL's name."""


@dataclass(frozen=True, slots=True)
class Connected:
    """An open connection, and the address that was dialled."""

    sock: socket.socket
    address: str


class Connections:
    """The kept connections, each with the time until which it is kept. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[Connected, tuple[Place, float]] = OrderedDict()

    def take(self, addresses: Sequence[str], target: Target) -> Connected | None:
        """A connection to one of these addresses, for the caller alone."""
        places = {_place(address, target) for address in addresses}
        while (found := self._pop(places)) is not None:
            if _is_silent(found.sock):
                return found
            found.sock.close()
        return None

    def keep(self, connected: Connected, target: Target) -> None:
        """Keep a connection whose last answer was read to its end."""
        where = _place(connected.address, target)
        with self._guard:
            full = sum(kept == where for kept, _ in self._kept.values()) >= PER_PLACE
            if not full:
                self._kept[connected] = where, time.monotonic() + IDLE_SECONDS
            old = self._outdated()
        for each in [connected, *old] if full else old:
            each.sock.close()

    def close(self) -> None:
        """Close what is kept."""
        with self._guard:
            old = [*self._kept]
            self._kept.clear()
        for each in old:
            each.sock.close()

    def _pop(self, places: set[Place]) -> Connected | None:
        """The newest one to one of these places: its server closes it last."""
        now = time.monotonic()
        with self._guard:
            for connected, (where, until) in reversed(self._kept.items()):
                if where in places and until > now:
                    del self._kept[connected]
                    return connected
        return None

    def _outdated(self) -> list[Connected]:
        """Take out what is too old or too much. The oldest is the first."""
        old, now = [], time.monotonic()
        for connected, (_, until) in [*self._kept.items()]:
            if until > now and len(self._kept) <= MOST:
                break
            del self._kept[connected]
            old.append(connected)
        return old


def _place(address: str, target: Target) -> Place:
    return address, target.port, target.secure, target.host


def _is_silent(sock: socket.socket) -> bool:
    """Whether nothing came since the last answer. The server's close is something, too."""
    poll = select.poll()  # ``select`` itself fails for a process with many sockets
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)
