"""Every open connection of this process: in which state, since when, and which has to go.

A connection costs a descriptor before it has asked for anything. So each state that waits for the
other side has a deadline, and the whole has a limit. At the limit the oldest unfinished
request of the busiest address makes room for the new one. A real client sends its request at once,
and is never that.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from app.server.connection import MEANING, WAITS, Bounds, Connection, Refusal, State, address_of
from app.telemetry.once_a_minute import OnceAMinute

log = logging.getLogger(__name__)


FRESH = 0.1
"""Seconds. What a newer connection has sent may not have been read yet."""
HEAD_PATIENCE = 3.0
"""Seconds before an unfinished head counts for its address."""
CROWD = 8
"""Unfinished connections of one address from which on even fresh ones make room."""
ADDRESSES = 64
"""Addresses that are compared to find the busiest."""


@dataclass
class Connections:
    """The open connections. The event loop alone calls it."""

    bounds: Bounds = field(default_factory=Bounds)
    count: Callable[[str], None] = lambda reason: None
    """Told the reason of every refusal."""
    leaving: bool = False
    """Whether every answer is the last of its connection."""

    def __post_init__(self) -> None:
        self._states: dict[State, dict[Connection, None]] = {state: {} for state in State}
        self._unread = dict[Connection, None]()
        self._unfinished = dict[str, dict[Connection, None]]()
        """By address, the oldest first."""
        self._refused = OnceAMinute(log, "connections were closed: %s")
        self._by_address = Counter[str]()
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._states.values()))

    def fit(self, room: int) -> None:
        """Allow no more connections than there is room for."""
        self.bounds = replace(self.bounds, most=min(self.bounds.most, room))

    def counts(self) -> dict[str, int]:
        """Number of connections in each state."""
        return {state.value: len(members) for state, members in self._states.items()}

    # -- the life of one connection

    def open(self, transport: asyncio.Transport, now: float) -> Connection | None:
        """A new connection; None if there is no room for it."""
        address = address_of(transport)
        if len(self) >= self.bounds.most and not self._make_room(now):
            self._note(Refusal.FULL, address)
            return None
        connection = Connection(transport, address, State.HEAD, now)
        self._states[State.HEAD][connection] = None
        self._wait(connection)
        return connection

    def too_long(self, connection: Connection, now: float) -> None:
        """Close a connection whose head has too many bytes."""
        self._close(connection, Refusal.HEAD, now)

    def upgraded(self, transport: asyncio.Transport, now: float) -> Connection:
        """A connection that has just become a websocket. It was counted before."""
        connection = Connection(transport, address_of(transport), State.SOCKET, now)
        self._states[State.SOCKET][connection] = None
        return connection

    def move(self, connection: Connection, state: State, now: float) -> None:
        before = connection.state
        if state is before or before is State.CLOSING:
            return
        del self._states[before][connection]
        connection.state, connection.since = state, now
        self._states[state][connection] = None
        if (before in WAITS) is not (state in WAITS):
            (self._wait if state in WAITS else self._waited)(connection)
        if self.leaving:
            self._check_left()

    def gone(self, connection: Connection) -> None:
        """The connection is closed, or belongs to another protocol now."""
        del self._states[connection.state][connection]
        self._unread.pop(connection, None)
        if connection.state in WAITS:
            self._waited(connection)
        if self.leaving:
            self._check_left()

    def unread(self, connection: Connection, now: float) -> None:
        """The client reads more slowly than we write."""
        connection.unread_since = now
        self._unread[connection] = None

    def read(self, connection: Connection) -> None:
        """The client has read on."""
        self._unread.pop(connection, None)

    # -- what takes too long

    async def watch(self) -> None:
        """Look once a second, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            await asyncio.sleep(FRESH)  # after a stall of the loop, read first what came meanwhile
            try:
                self.sweep(loop.time())
            except Exception:
                log.exception("looking after the connections failed, and is tried again")

    def sweep(self, now: float) -> None:
        """Close what is over its time, and tell once a minute what was closed."""
        bounds = self.bounds
        head, body = bounds.head_seconds, bounds.body_seconds
        if self.leaving:
            head, body = min(head, bounds.last_head_seconds), min(body, bounds.last_body_seconds)
        for connection in self._over(State.HEAD, head, now):
            self._close(connection, Refusal.HEAD, now)
        for connection in list(self._over_per_address(now)):
            self._close(connection, Refusal.PEER, now)
        for connection in self._over(State.BODY, body, now):
            self._close(connection, Refusal.BODY, now)
        for connection in list(self._unread):
            if now - connection.unread_since > bounds.unread_seconds:
                self._abort(connection, Refusal.UNREAD)
        for connection in self._over(State.CLOSING, bounds.closing_seconds, now):
            self._abort(connection)
        for connection in list(self._closing()):
            self.move(connection, State.CLOSING, now)
        self._tell(now)

    def note_no_start(self) -> None:
        """Count a media socket that sent no ``start``. Its call has a line of its own."""
        self.count(Refusal.NO_START)

    def _over(self, state: State, seconds: float, now: float) -> list[Connection]:
        found = list[Connection]()
        for connection in self._states[state]:  # the oldest are first
            if now - connection.since <= seconds:
                break
            found.append(connection)
        return found

    def _closing(self) -> Iterator[Connection]:
        for state, members in self._states.items():
            if state is not State.CLOSING:
                yield from (each for each in members if each.transport.is_closing())

    def _make_room(self, now: float) -> bool:
        """Close the connection that can best be spared; False if each is needed."""
        for connection in self._spared(now):
            self._close(connection, Refusal.FULL, now)
            return True
        return False

    def _spared(self, now: float) -> Iterator[Connection]:
        """The oldest unfinished one of the busiest address, then idle ones, then all unfinished."""
        some = itertools.islice(self._unfinished.values(), ADDRESSES)
        busiest = max(some, key=len, default={})
        oldest = next(iter(busiest), None)
        if oldest and (len(busiest) > CROWD or now - oldest.since >= FRESH):
            yield oldest
        yield from self._states[State.IDLE]
        yield from self._states[State.BODY]
        yield from self._states[State.HEAD]

    def _over_per_address(self, now: float) -> Iterator[Connection]:
        """The oldest unfinished ones above an address's number.

        Many may come at once from a proxy, before what they send is read. So each has ``HEAD_PATIENCE``.
        """
        most = self.bounds.unfinished_per_address
        for mine in self._unfinished.values() if most else ():
            if len(mine) > most:
                heads = [each for each in mine if each.state is State.HEAD]
                surplus = heads[: max(0, len(heads) - most)]
                yield from (each for each in surplus if now - each.since > HEAD_PATIENCE)

    def _wait(self, connection: Connection) -> None:
        self._unfinished.setdefault(connection.address, {})[connection] = None

    def _waited(self, connection: Connection) -> None:
        mine = self._unfinished[connection.address]
        del mine[connection]
        if not mine:
            del self._unfinished[connection.address]

    def _close(self, connection: Connection, reason: Refusal, now: float) -> None:
        self._note(reason, connection.address)
        self.move(connection, State.CLOSING, now)
        connection.transport.close()

    def _abort(self, connection: Connection, reason: Refusal | None = None) -> None:
        if reason is not None:
            self._note(reason, connection.address)
        self._unread.pop(connection, None)
        connection.transport.abort()

    # -- the end of the process

    async def leave(self) -> None:
        """Give the connections that wait a moment for a last request.

        A client that sends one meanwhile is told that the connection ends. A close without that
        would lose a request that is on its way.
        """
        self.leaving = True
        self._check_left()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.bounds.leaving_seconds):
                await self._left.wait()

    def _check_left(self) -> None:
        if not (self._states[State.IDLE] or self._states[State.HEAD]):
            self._left.set()

    # -- what is told

    def _note(self, reason: Refusal, address: str) -> None:
        self.count(reason)
        self._refused.add(MEANING[reason])
        if len(self._by_address) < 10_000:  # within a minute
            self._by_address[address] += 1

    def _tell(self, now: float) -> None:
        [(address, times)] = self._by_address.most_common(1) or [("", 0)]
        if self._refused.tell(now, f"; {times} of them from {address}"):
            self._by_address.clear()
