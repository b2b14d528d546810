"""Bounds of connections: what waits too long or is too much goes, and a real client is served."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from app.server import descriptors
from app.server.connection import Bounds, Connection, Refusal, State
from app.server.connections import Connections
from app.server.wsgi_bridge import Bridge
from tests.clock import on_loop
from tests.media.server import SHORT, listening

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL = replace(SHORT, most=5, unfinished_per_address=3)
QUICK = replace(SHORT, head_seconds=3, body_seconds=6, keep_alive_seconds=9, unread_seconds=4)


class Pipe:
    """A transport that only remembers."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        self.address = address
        self.ended = ""

    def get_extra_info(self, name: str) -> Any:
        return (self.address, 50_000)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)


class Room:
    """Connections under small bounds, at a clock the test sets."""

    def __init__(self, bounds: Bounds = SMALL) -> None:
        self.refused = Counter[str]()
        self.all = Connections(bounds, lambda reason: self.refused.update([reason]))
        self.pipes = dict[Connection, Pipe]()

    def open(self, now: float, state: State = State.HEAD, address: str = "192.0.2.1") -> Any:
        pipe = Pipe(address)
        connection = self.all.open(pipe, now)  # type: ignore[arg-type]
        if connection is not None:
            self.all.move(connection, state, now)
            self.pipes[connection] = pipe
        return connection

    def ended(self, connection: Connection) -> str:
        return self.pipes[connection].ended


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (State.HEAD, SMALL.head_seconds),
        (State.BODY, SMALL.body_seconds),
        (State.IDLE, None),  # uvicorn's own timer
        (State.ANSWER, None),  # the application's own deadlines
        (State.SOCKET, None),
    ],
)
def test_a_state_that_waits_for_the_client_ends(state: State, seconds: float | None) -> None:
    room = Room()
    connection = room.open(0.0, state)
    room.all.sweep(seconds or 0.0)
    assert room.ended(connection) == ""
    room.all.sweep((seconds or 1e6) + 0.1)
    assert room.ended(connection) == ("closed" if seconds else "")
    assert room.refused == ({state: 1} if seconds else {})


def test_a_closed_connection_that_keeps_its_bytes_is_aborted() -> None:
    room = Room()
    connection = room.open(0.0, State.ANSWER)
    connection.transport.close()
    room.all.sweep(1.0)
    room.all.sweep(1.0 + SMALL.closing_seconds)
    assert room.ended(connection) == "closed"
    room.all.sweep(1.1 + SMALL.closing_seconds)
    assert room.ended(connection) == "aborted"


def test_an_answer_that_is_not_read_is_aborted() -> None:
    room = Room()
    slow, quick = room.open(0.0, State.ANSWER), room.open(0.0, State.SOCKET)
    room.all.unread(slow, 0.0)
    room.all.unread(quick, 0.0)
    room.all.read(quick)
    room.all.sweep(SMALL.unread_seconds + 0.1)
    assert (room.ended(slow), room.ended(quick)) == ("aborted", "")
    assert room.refused == {Refusal.UNREAD: 1}


@pytest.mark.parametrize(
    ("states", "goes"),
    [
        ([State.ANSWER, State.IDLE, State.HEAD, State.HEAD, State.BODY], 2),  # an unfinished head
        ([State.ANSWER, State.BODY, State.IDLE, State.SOCKET, State.IDLE], 1),  # a body
        ([State.ANSWER, State.ANSWER, State.IDLE, State.SOCKET, State.IDLE], 2),  # an idle one
        ([State.ANSWER, State.BODY, State.SOCKET, State.BODY, State.SOCKET], 1),  # a body
        ([State.ANSWER, State.SOCKET, State.SOCKET, State.ANSWER, State.SOCKET], None),
    ],
)
def test_when_full_the_oldest_that_waits_makes_room(states: list[State], goes: int | None) -> None:
    room = Room()
    before = [room.open(float(number), state) for number, state in enumerate(states)]
    newcomer = room.open(9.0)
    assert [number for number, each in enumerate(before) if room.ended(each)] == (
        [] if goes is None else [goes]
    )
    assert (newcomer is None) == (goes is None)
    assert room.refused == {Refusal.FULL: 1}


def test_a_connection_of_this_moment_goes_last() -> None:
    """What it has sent is not read yet. An idle one goes before."""
    room = Room()
    new = [room.open(9.0, address=f"192.0.2.{number}") for number in range(3)]
    idle = [room.open(5.0, State.IDLE) for _ in range(2)]
    newer = [room.open(9.0, address=f"192.0.2.{number}") for number in range(10, 13)]
    ended = [room.ended(each) for each in (*idle, *new, *newer)]
    assert ended == ["closed", "closed", "closed", "", "", "", "", ""]


def test_the_busiest_address_makes_room() -> None:
    """An address with few connections is served while another opens hundreds, however quickly."""
    room = Room(replace(SMALL, most=40, unfinished_per_address=0))
    real = [room.open(0.0, state) for state in (State.HEAD, State.BODY, State.IDLE)]
    for number in range(500):
        state = (State.HEAD, State.BODY)[number % 2]
        room.open(1.0 + number / 1000, state, f"198.51.100.{number % 3}")
    assert [room.ended(each) for each in real] == ["", "", ""]
    assert len(room.all) - len(room.all._states[State.CLOSING]) <= 40


def test_one_address_has_so_many_unfinished_heads() -> None:
    """Connections with a whole head do not count: behind a proxy all have its address."""
    room = Room(replace(SMALL, most=1000))
    idle = [room.open(0.0, State.IDLE) for _ in range(50)]
    heads = [room.open(float(number)) for number in range(3)]
    other = room.open(3.0, address="192.0.2.2")
    room.open(4.0)
    room.all.sweep(4.5)
    assert [room.ended(each) for each in heads] == ["closed", "", ""]
    assert not any(map(room.ended, [*idle, other]))
    assert room.refused == {Refusal.PEER: 1}


def test_what_a_proxy_opens_at_once_is_left_time_to_send() -> None:
    """They are accepted in one turn of the loop, and read in the next ones."""
    room = Room(replace(SMALL, most=1000))
    heads = [room.open(0.0) for _ in range(500)]
    room.all.sweep(2.9)
    for each in heads[:490]:
        room.all.move(each, State.ANSWER, 3.0)
    room.all.sweep(3.1)
    assert [room.ended(each) for each in heads] == [""] * 490 + ["closed"] * 7 + [""] * 3


def test_the_log_has_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(replace(SMALL, most=100, unfinished_per_address=0))
    for second in range(200):
        room.open(float(second), address=f"192.0.2.{second % 2}")
        room.all.sweep(float(second))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4  # of 184 that were closed
    assert lines[1] == (
        "connections were closed: 60 with an unfinished or too long head; 30 of them from 192.0.2.1"
    )


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    room = Room(replace(SMALL, most=1000))
    for number in range(100):
        connection = room.open(float(number), list(State)[number % 6], f"192.0.2.{number}")
        room.all.unread(connection, float(number))
        room.all.gone(connection)
    assert len(room.all) == 0
    assert not room.all._unfinished
    assert not room.all._unread


# -- under the real server


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answers a request once its body is here."""
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


class Client:
    """A connection of its own."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.partition(":")
        self._port = int(port)

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def response(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        await self._reader.readexactly(2)
        return head

    async def closed_after(self) -> float:
        """Seconds until the server closes, on the loop's clock."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with suppress(ConnectionResetError):
            await self._reader.read()
        return loop.time() - began


BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"
SLOW: dict[str, tuple[list[bytes], float]] = {
    "nothing": ([], 3),
    "half a head": ([GET[:-2]], 3),
    "line ends before a request": ([b"\r\n" * 10], 3),
    "a byte at a time": ([GET[:-2], *[b"x"] * 3], 3),
    "half a body": ([BODY], 6),
    "a body a byte at a time": ([BODY, b"2", b"3"], 6),
    "kept alive": ([GET], 9),
    "half a second head": ([GET + GET[:-2]], 3),
    "line ends after an answer": ([GET, b"\r\n"], 3),
    "a pipelined half head": ([GET + GET + GET[:9]], 3),
}


@pytest.mark.parametrize("name", SLOW)
@on_loop
async def test_a_slow_client_is_closed(name: str) -> None:
    pieces, seconds = SLOW[name]
    async with listening(answer, QUICK) as (server, address), Client(address) as client:
        for piece in pieces:
            client.send(piece)
            await asyncio.sleep(0.5)
        took = await client.closed_after() + 0.5 * len(pieces)
        assert seconds - 0.1 <= took <= seconds + 2.5
        await asyncio.sleep(0)
        assert len(server._connections) == 0


@on_loop
async def test_a_head_without_end_is_closed() -> None:
    async with listening(answer) as (_, address), Client(address) as client:
        client.send(GET[:-2] + b"X: " + b"y" * 200_000)
        assert await client.closed_after() < 1


@on_loop
async def test_an_answer_that_nobody_reads_ends() -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await answer(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        block = {"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True}
        while server.server_state.connections:
            await send(block)

    async with listening(endless, QUICK) as (server, address), Client(address) as client:
        client.send(GET)
        await asyncio.sleep(QUICK.unread_seconds + 2)
        assert not server.server_state.connections
        assert len(server._connections) == 0


@on_loop
async def test_a_full_server_serves_the_next_client() -> None:
    async with listening(answer, SMALL) as (server, address):
        waiting = [await Client(address).__aenter__() for _ in range(20)]
        for number in range(10):
            async with Client(address) as client:
                client.send(GET)
                assert (await client.response()).startswith(b"HTTP/1.1 200")
            assert len(server._connections) <= SMALL.most + 1, number
        for each in waiting:
            await each.__aexit__()


@on_loop
async def test_a_stop_lets_each_request_be_answered_as_the_last() -> None:
    """Idle ones get a moment for one, and what has begun to arrive is waited for."""
    bounds = replace(SHORT, leaving_seconds=1.0)
    async with listening(answer, bounds) as (server, address):
        idle, busy, half, silent = [await Client(address).__aenter__() for _ in range(4)]
        for client in (idle, silent):
            client.send(GET)
            assert b"connection: close" not in await client.response()
        busy.send(BODY)
        half.send(GET[:9])
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(server.shutdown([]))
        await asyncio.sleep(0.5)
        idle.send(GET)
        busy.send(b"23456789")
        for client in (idle, busy):
            assert b"connection: close" in await client.response()
        assert await silent.closed_after() < 1
        half.send(GET[9:])
        assert b"connection: close" in await half.response()
        await stopping
        for client in (idle, busy, half, silent):
            await client.__aexit__()


@on_loop
async def test_a_stop_does_not_wait_for_slow_clients() -> None:
    async with (
        listening(answer) as (server, address),
        Client(address) as head,
        Client(address) as body,
    ):
        head.send(GET[:9])
        body.send(BODY)
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await server.shutdown([])
        assert asyncio.get_running_loop().time() - began < 8


def test_the_bridge_answers_before_the_connection_is_closed() -> None:
    """A body over its time gets 408: the connection's own bound is longer."""
    assert Bridge(lambda environ, start: [])._body_seconds < SMALL.body_seconds


# -- descriptors


@pytest.mark.parametrize(
    ("limits", "then", "warned"),
    [
        ((1024, 524_288), (65_536, 524_288), False),
        ((1024, resource.RLIM_INFINITY), (65_536, resource.RLIM_INFINITY), False),
        ((1024, 4096), (4096, 4096), False),
        ((256, 256), (256, 256), True),
        ((100_000, 200_000), (100_000, 200_000), False),
    ],
)
def test_the_soft_limit_is_raised(
    limits: tuple[int, int],
    then: tuple[int, int],
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: held[0])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, now: held.__setitem__(0, now))
    assert descriptors.raise_limit() == then[0]
    assert held == [then]
    assert bool(caplog.records) is warned


@pytest.mark.parametrize("limit", [64, 256, 1024, 65_536])
def test_connections_leave_descriptors_for_all_else(limit: int) -> None:
    most = descriptors.room(limit)
    assert 16 <= most <= max(16, limit // 2)
    connections = Connections(Bounds(most=descriptors.ENOUGH))
    connections.fit(most)
    assert connections.bounds.most == most
