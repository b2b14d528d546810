"""This process among those of its deployment: what it says of itself, what it knows of the others.

Each writes a row every ``HEARTBEAT_SECONDS``. From the rows the control plane knows where a media
socket finds room, and a stopping process whether another one takes its calls over.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4
from zlib import crc32

from sqlalchemy.engine import Connection

from app.settings import Settings
from app.store import processes
from app.store.engine import Store

HEARTBEAT_SECONDS = 5.0
FRESH = timedelta(seconds=15)
"""A process that said nothing for three beats is down, or as good as."""
IN_PROCESS = "local"
"""The backend whose calls are work for the process itself; the others pass sound on."""
KEPT = timedelta(hours=1)
"""How long the row of a killed process stays."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another process, as it was at its last beat."""

    web: bool
    media_base: str | None
    full: bool
    draining: bool


@dataclass
class ProcessRegistry:
    """Written by the media hub on its loop, read by everybody."""

    settings: Settings
    id: str = field(default_factory=lambda: str(uuid4()))
    sockets: int = 0
    """Media sockets that are open here."""
    slots: int = 0
    """Of them, and of those on their way in, the ones that count for MAX_CALLS_PER_PROCESS."""
    draining: bool = False
    lag: float = 0.0
    """The longest the event loop was late of late, in seconds."""
    peers: Sequence[Peer] = ()
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def full(self) -> bool:
        """Whether another call of the speaking assistant is one too many."""
        most = self.settings.max_calls_per_process
        return bool(most) and self.slots >= most

    def acquire(self, backend: str) -> str | None:
        """Take a slot for a call; or why there is none: ``elsewhere``, ``draining``, ``full``.

        From any thread. What was let in is to be given back (``release``)."""
        with self._counting:
            if self.settings.own_media_base is None:
                return "elsewhere"
            if self.draining:
                return "draining"
            if backend == IN_PROCESS:
                if self.full:
                    return "full"
                self.slots += 1
        return None

    def release(self, backend: str) -> None:
        """The call that was let in is over, or did not come in after all."""
        if backend == IN_PROCESS:
            with self._counting:
                self.slots -= 1

    @property
    def has_web_peer(self) -> bool:
        """Another process answers the carriers' requests."""
        return any(peer.web and not peer.draining for peer in self.peers)

    @property
    def can_hand_over(self) -> bool:
        """Another process would take this one's calls, and somebody tells their carriers so."""
        return self.has_web_peer and any(_has_room(peer) for peer in self.peers)

    def media_base(self, token: str) -> str:
        """Where the socket of this token is to be opened; the same for the same token.

        Spread evenly over the addresses of MEDIA_URL where somebody has room; over all of them,
        when nobody is known to.
        """
        bases = self.settings.media_bases
        known = {peer.media_base for peer in self.peers if _has_room(peer)}
        up = [base for base in bases if base in known] or bases
        return up[crc32(token.encode()) % len(up)]

    def heartbeat(self, store: Store, now: datetime) -> None:
        """Tell of this process, and hear of the others. One transaction."""
        row = {
            "id": self.id,
            "web": not self.settings.only_media,
            "media_url": self.settings.own_media_base,
            "calls": self.sockets,
            "full": self.full,
            "draining": self.draining,
            "seen_at": now,
        }
        with store.write() as conn:
            processes.put(conn, row)
            processes.forget(conn, now - KEPT)
            self.refresh(conn, now)

    def refresh(self, conn: Connection, now: datetime) -> None:
        """What the others said last."""
        self.peers = tuple(
            Peer(row["web"], row["media_url"], row["full"], row["draining"])
            for row in processes.seen(conn, now - FRESH)
            if row["id"] != self.id
        )

    def deregister(self, store: Store) -> None:
        """This process stops; nothing is to be sent to it."""
        with store.write() as conn:
            processes.remove(conn, self.id)


def _has_room(peer: Peer) -> bool:
    return peer.media_base is not None and not (peer.draining or peer.full)
