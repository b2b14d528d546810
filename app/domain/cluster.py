"""This process and the other processes of its deployment: their heartbeats and capacity.

Each process writes a row every ``HEARTBEAT_SECONDS``. The control plane reads the rows to find a
media hub with capacity. A stopping process reads them to learn whether another one takes over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4
from zlib import crc32

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.settings import Settings
from app.store import processes
from app.store.again import one_transaction
from app.store.engine import Store
from providers.common.json_types import JsonObject

HEARTBEAT_SECONDS = 5.0
FRESH = timedelta(seconds=15)
"""A process without a heartbeat for this long, three intervals, counts as down."""
IN_PROCESS = "local"
"""The backend that runs the pipeline in the process itself; the others relay audio."""
PROBE_SECONDS = 1.0
"""How long the outcome of an attempt to write is believed."""
KEPT = timedelta(hours=1)
"""How long the row of a killed process is kept."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another process, as of its last heartbeat."""

    web: bool
    media_base: str | None
    full: bool
    draining: bool


@dataclass
class ProcessRegistry:
    """This process's capacity. The media hub writes it on its event loop; all threads read it."""

    settings: Settings
    id: str = field(default_factory=lambda: str(uuid4()))
    sockets: int = 0
    """Open media sockets of this process."""
    slots: int = 0
    """Open and starting media sockets that count against MAX_CALLS_PER_PROCESS."""
    draining: bool = False
    warming: bool = False
    """Whether what a first call needs is still being loaded."""
    leaving: bool = False
    """Whether the time of the drain is over."""
    lag: float = 0.0
    """The longest recent delay of the event loop, in seconds."""
    is_late: bool = False
    """Whether the event loop was late by a frame of audio when it was last measured."""
    peers: Sequence[Peer] = ()
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _probing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _written_at: float = float("-inf")
    _failure: SQLAlchemyError | None = None
    """Of the last attempt to write."""

    @property
    def full(self) -> bool:
        """Whether this process can take no further call of the local assistant."""
        most = self.settings.max_calls_per_process
        return bool(most) and self.slots >= most

    def acquire(self, backend: str) -> str | None:
        """Take a slot for a call, or return why not: ``elsewhere``, ``draining``, ``full``.

        A draining process that has a web peer stops listening within a second. A call that still
        reaches it is taken: a refusal would cost the call one of its few new attempts.
        Any thread may call it. ``release`` gives the slot back."""
        with self._counting:
            if self.settings.own_media_base is None:
                return "elsewhere"
            if self.draining and (self.leaving or not self.has_web_peer):
                return "draining"
            if backend == IN_PROCESS:
                if self.full:
                    return "full"
                self.slots += 1
        return None

    def release(self, backend: str) -> None:
        """Give a call's slot back: the call is over, or its socket never opened."""
        if backend == IN_PROCESS:
            with self._counting:
                self.slots -= 1

    @property
    def has_web_peer(self) -> bool:
        """Whether another process answers the carriers' requests."""
        return any(peer.web and not peer.draining for peer in self.peers)

    @property
    def can_hand_over(self) -> bool:
        """Whether another media hub can take the calls, and a web process can redirect them."""
        return self.has_web_peer and any(_has_room(peer) for peer in self.peers)

    def media_base(self, token: str) -> str:
        """The base URL for the media socket of this token; the same for the same token.

        Tokens spread evenly over the addresses of MEDIA_URL with free capacity. When no address
        is known to have any, tokens spread over all addresses.
        """
        bases = self.settings.media_bases
        known = {peer.media_base for peer in self.peers if _has_room(peer)}
        up = [base for base in bases if base in known] or bases
        return up[crc32(token.encode()) % len(up)]

    def heartbeat(self, store: Store, now: datetime) -> None:
        """Write this process's row and read the others', in one transaction."""
        row = {
            "id": self.id,
            "web": not self.settings.only_media,
            "media_url": self.settings.own_media_base,
            "calls": self.sockets,
            "full": self.full,
            "draining": self.draining,
            "seen_at": now,
        }
        try:
            self._write(store, row, now)
        except SQLAlchemyError as error:
            self._failure = error
            raise
        finally:
            self._written_at = time.monotonic()
        self._failure = None
        store.outage.end()

    @one_transaction
    def _write(self, store: Store, row: JsonObject, now: datetime) -> None:
        with store.write() as conn:
            processes.put(conn, row)
            processes.forget(conn, now - KEPT)
            self.refresh(conn, now)

    def check_store(self, store: Store, now: datetime) -> None:
        """Write to the database, unless that was tried just now. Raises the store's error."""
        with self._probing:
            if time.monotonic() > self._written_at + PROBE_SECONDS:
                return self.heartbeat(store, now)
        if self._failure is not None:
            raise self._failure
        return None

    def refresh(self, conn: Connection, now: datetime) -> None:
        """Read the other processes' rows."""
        self.peers = tuple(
            Peer(row["web"], row["media_url"], row["full"], row["draining"])
            for row in processes.seen(conn, now - FRESH)
            if row["id"] != self.id
        )

    def is_up(self, conn: Connection, process_id: str, now: datetime) -> bool:
        """Whether a process is this one, or has had a heartbeat in time."""
        known = processes.seen(conn, now - FRESH)
        return process_id == self.id or any(row["id"] == process_id for row in known)

    @one_transaction
    def deregister(self, store: Store) -> None:
        """Mark this process as stopping, so that it gets no further calls."""
        with store.write() as conn:
            processes.remove(conn, self.id)


def _has_room(peer: Peer) -> bool:
    return peer.media_base is not None and not (peer.draining or peer.full)
