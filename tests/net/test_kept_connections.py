"""Connections that are kept open: used again only where the policy would dial, and when they live."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import pytest

from app.net import connections as kept_open
from app.net.connections import PER_PLACE, Connected, Connections
from app.net.http import Response, SendError, post
from tests.net.contract import HERE, Resolver, found

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
END = b"\r\n\r\n{}"


@dataclass
class Server:
    """Counts connections and requests. ``reply`` gets the socket and the number of its request."""

    url: str = ""
    reply: Callable[[socket.socket, int], None] = lambda conn, number: conn.sendall(ANSWER)
    connections: int = 0
    requests: int = 0

    def serve(self, conn: socket.socket) -> None:
        self.connections += 1
        with conn, suppress(OSError):
            for number in range(1, 1000):
                heard = b""
                while not heard.endswith(END):
                    if not (more := conn.recv(65_536)):
                        return
                    heard += more
                self.requests += 1
                self.reply(conn, number)
                if conn.fileno() < 0:
                    return


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    conn, _ = listener.accept()
                    if tls is not None:
                        conn = tls.wrap_socket(conn, server_side=True)
                    threading.Thread(target=server.serve, args=(conn,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        server.url = f"http://hooks.client.example:{listener.getsockname()[1]}/"
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def kept() -> Iterator[Connections]:
    made = Connections()
    yield made
    made.close()


def send(
    url: str, kept: Connections, *, resolver: Resolver = HERE, allow_private: bool = True
) -> Response:
    return post(url, b"{}", {}, 20.0, allow_private, resolver=resolver, connections=kept)


def test_a_second_request_uses_the_first_s_connection(server: Server, kept: Connections) -> None:
    for path in ("a", "b", "c"):
        assert send(server.url + path, kept).body == b"{}"
    assert (server.connections, server.requests) == (1, 3)


def test_without_a_place_to_keep_them_each_has_its_own(server: Server) -> None:
    for _ in range(2):
        post(server.url, b"{}", {}, 20.0, True, resolver=HERE)
    assert server.connections == 2


def test_the_policy_decides_each_time(server: Server, kept: Connections) -> None:
    """The name leads elsewhere by now, or the address is refused."""
    send(server.url, kept)
    with pytest.raises(SendError, match="does not resolve"):
        send(server.url, kept, resolver=found())
    with pytest.raises(SendError, match="is not allowed"):
        send(server.url, kept, allow_private=False)
    assert server.requests == 1


def test_another_address_of_the_name_is_dialled(server: Server, kept: Connections) -> None:
    send(server.url, kept)
    send(server.url, kept, resolver=found("127.0.0.2", "127.0.0.1"))
    assert server.connections == 1  # one of its addresses is the kept one's
    with pytest.raises(SendError, match="cannot be reached"):
        send(server.url, kept, resolver=found("127.0.0.2"))


def test_another_name_has_a_connection_of_its_own(server: Server, kept: Connections) -> None:
    """Even at the same address: a proxy may tell them apart by more than Host."""
    send(server.url, kept)
    send(server.url.replace("hooks", "other"), kept)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000,  # not read to its end
        ANSWER + b"HTTP/1.1 500 What nobody asked for\r\n\r\n" * 2000,
    ],
)
def test_not_every_connection_is_kept(server: Server, kept: Connections, answer: bytes) -> None:
    server.reply = lambda conn, number: conn.sendall(answer)
    assert [send(server.url, kept).status for _ in range(2)] == [200, 200]
    assert server.connections == 2


def test_one_that_the_server_closed_is_not_used(server: Server, kept: Connections) -> None:
    def reply(conn: socket.socket, number: int) -> None:
        conn.sendall(ANSWER)
        conn.shutdown(socket.SHUT_RDWR)
        conn.close()

    server.reply = reply
    for _ in range(3):
        assert send(server.url, kept).status == 200
    assert server.requests == 3


def test_one_that_closes_at_that_moment_is_replaced(server: Server, kept: Connections) -> None:
    """The server read the request, and closed the connection without an answer."""

    def reply(conn: socket.socket, number: int) -> None:
        if number > 1:
            conn.shutdown(socket.SHUT_RDWR)
            conn.close()
        else:
            conn.sendall(ANSWER)

    server.reply = reply
    assert [send(server.url, kept).status for _ in range(2)] == [200, 200]
    assert (server.connections, server.requests) == (2, 3)


class Breaks:
    """The socket of a server that resets the connection after these bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def settimeout(self, _seconds: float) -> None:
        """It never blocks."""

    def sendall(self, _data: bytes) -> None:
        """The request arrives."""

    def recv_into(self, buffer: memoryview) -> int:
        if not self._answer:
            raise ConnectionResetError("reset by peer")
        count = len(self._answer)
        buffer[:count], self._answer = self._answer, b""
        return count

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("answer", "sent_again"), [(b"", True), (b"H", False)])
def test_after_the_first_byte_of_an_answer_it_is_not_sent_again(
    server: Server,
    kept: Connections,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    sent_again: bool,
) -> None:
    broken = Connected(cast("socket.socket", Breaks(answer)), "127.0.0.1")
    monkeypatch.setattr(kept, "take", lambda *_: broken)
    if sent_again:
        assert send(server.url, kept).status == 200
    else:
        with pytest.raises(SendError, match="reset by peer"):
            send(server.url, kept)
    assert server.requests == sent_again


def test_a_new_connection_that_breaks_is_an_error(server: Server, kept: Connections) -> None:
    def reply(conn: socket.socket, number: int) -> None:
        conn.shutdown(socket.SHUT_RDWR)
        conn.close()

    server.reply = reply
    with pytest.raises(SendError, match="broke"):
        send(server.url, kept)
    assert server.requests == 1


def test_they_do_not_grow_old(
    server: Server, kept: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_open, "IDLE_SECONDS", 0.0)
    for _ in range(2):
        send(server.url, kept)
    assert server.connections == 2
    assert len(kept._kept) <= 1


def test_there_are_few_to_one_place_and_in_all(
    server: Server, kept: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(PER_PLACE + 2)

    def reply(conn: socket.socket, number: int) -> None:
        together.wait(20)
        conn.sendall(ANSWER)

    server.reply = reply
    threads = [threading.Thread(target=send, args=(server.url, kept)) for _ in range(PER_PLACE + 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(kept._kept) == PER_PLACE
    monkeypatch.setattr(kept_open, "MOST", 3)
    server.reply = lambda conn, number: conn.sendall(ANSWER)
    send(server.url, kept)
    assert len(kept._kept) == 3
