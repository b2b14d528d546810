"""The synchronous client: the contract, the exchange, and receivers that behave badly."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.net.http import Response, SendError, get, post
from tests.fakes.client_server import Receiver, Reply
from tests.net.contract import HERE, LITERALS, MALFORMED, PUBLIC, Contract, Resolver, Spy, found


class TestPost(Contract):
    errors = (SendError,)

    def call(
        self,
        url: str,
        *,
        allow_private: bool = False,
        resolver: Resolver = HERE,
        tls: ssl.SSLContext | None = None,
        seconds: float = 20.0,
        most: int = 1_000_000,
    ) -> bytes:
        return post(url, b"{}", {}, seconds, allow_private, most, resolver=resolver, tls=tls).body


class TestGet(Contract):
    errors = (SendError,)

    def call(
        self,
        url: str,
        *,
        allow_private: bool = False,
        resolver: Resolver = HERE,
        tls: ssl.SSLContext | None = None,
        seconds: float = 20.0,
        most: int = 1_000_000,
    ) -> bytes:
        return get(url, {}, seconds, allow_private, most, resolver=resolver, tls=tls).body


def send(url: str, *, allow_private: bool = False, timeout: float = 20.0, **more: Any) -> Response:
    return post(url, b"{}", {}, timeout, allow_private, **more)


class TestRefusedBeforeConnecting:
    @pytest.mark.parametrize("url", LITERALS)
    def test_an_address_that_is_not_public(self, url: str, connects: Spy) -> None:
        with pytest.raises(SendError, match=r"public address|this machine"):
            send(url)
        assert connects == []

    @pytest.mark.parametrize("url", MALFORMED)
    @pytest.mark.parametrize("allow_private", [True, False])
    def test_a_malformed_url(self, url: str, allow_private: bool, connects: Spy) -> None:
        with pytest.raises(SendError):
            send(url, allow_private=allow_private, resolver=found(PUBLIC))
        assert connects == []

    @pytest.mark.parametrize(
        "addresses",
        [
            ("127.0.0.1",),
            (PUBLIC, "127.0.0.1"),  # mixed: one bad address spoils the name
            ("10.0.0.1", PUBLIC),
            (PUBLIC, "::1"),
            ("::ffff:10.0.0.1",),
            ("fe80::1%eth0",),
        ],
    )
    def test_a_name_with_an_address_that_is_not(
        self, addresses: tuple[str, ...], connects: Spy
    ) -> None:
        with pytest.raises(SendError, match=r"client\.example is .* not a public address"):
            send("https://client.example/", resolver=found(*addresses))
        assert connects == []

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-A": "a\r\nX-B: b"},
            {"X-A": "a\nb"},
            {"X-A": "a\rb"},
            {"X-A": "a\0b"},
            {"X-A\r\nX-B": "b"},
            {"X A": "b"},
            {"": "b"},
            {"X-A": "snow ☃"},
            {"host": "127.0.0.1"},  # where a request goes
            {"Content-Length": "0"},  # and where it ends
            {"Transfer-Encoding": "chunked"},
        ],
    )
    def test_a_header_that_would_break_out(self, headers: dict[str, str], connects: Spy) -> None:
        with pytest.raises(SendError, match="header"):
            post("http://client.example/", b"", headers, 5.0, True, resolver=found(PUBLIC))
        assert connects == []

    def test_a_name_that_does_not_resolve(self, connects: Spy) -> None:
        def unknown(_host: str, _port: int) -> Sequence[str]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        for resolver in (unknown, found()):
            with pytest.raises(SendError, match="does not resolve"):
                send("http://client.example/", resolver=resolver)
        assert connects == []


class TestConnecting:
    @pytest.mark.parametrize(
        ("url", "port"),
        [
            ("http://a.example/", 80),
            ("https://a.example", 443),
            ("https://a.example:8443/x?y#z", 8443),
        ],
    )
    def test_public_urls_are_let_through(self, url: str, port: int, connects: Spy) -> None:
        with pytest.raises(SendError, match="cannot be reached"):
            send(url, resolver=found(PUBLIC))
        assert connects == [(PUBLIC, port)]

    def test_a_literal_public_address(self, connects: Spy) -> None:
        with pytest.raises(SendError, match="cannot be reached"):
            send(f"http://[::ffff:{PUBLIC}]/")
        assert len(connects) == 1

    def test_a_refused_connection_is_no_timeout(self, connects: Spy) -> None:
        with pytest.raises(SendError) as caught:
            send("http://client.example/", resolver=found(PUBLIC))
        assert not caught.value.timed_out

    def test_a_connection_that_does_not_come_about(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def connect(_sock: socket.socket, _address: Any) -> None:
            raise TimeoutError("timed out")

        monkeypatch.setattr(socket.socket, "connect", connect)
        with pytest.raises(SendError, match="in time") as caught:
            send("http://client.example/", resolver=found(PUBLIC))
        assert caught.value.timed_out


class TestExchange:
    def test_what_is_sent_and_what_comes_back(self, receiver: Receiver) -> None:
        receiver.script(Reply(418, {"X-Answer": "Yes"}, b"short and stout"))
        answer = post(
            receiver.url + "?a=1#fragment", b'{"a":"\xc3\xbc"}', {"X-Asked": "\xfc"}, 20.0, True
        )
        assert (answer.status, answer.body) == (418, b"short and stout")
        assert answer.headers["x-answer"] == "Yes"
        [request] = receiver.requests
        assert (request.path, request.body) == ("/hook?a=1", b'{"a":"\xc3\xbc"}')
        assert request.headers["x-asked"] == "\xfc"
        assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert request.headers["content-length"] == "10"

    def test_a_long_answer_is_cut(self, receiver: Receiver) -> None:
        receiver.script(Reply(200, {}, b"x" * 3_000_000), Reply(200, {}, b"y" * 3_000_000))
        assert send(receiver.url, allow_private=True).body == b"x" * 64_000
        assert len(send(receiver.url, allow_private=True, max_response=1_000_000).body) == 1_000_000

    def test_silence_ends_in_time(self, receiver: Receiver) -> None:
        receiver.script(Reply(silent=True))
        with pytest.raises(SendError, match=r"within 0\.2 s") as caught:
            send(receiver.url, allow_private=True, timeout=0.2)
        assert caught.value.timed_out


def hear(conn: socket.socket) -> None:
    """Read a request to its end, the body ``{}``."""
    heard = b""
    while not heard.endswith(b"\r\n\r\n{}"):
        heard += conn.recv(65_536) or b"\r\n\r\n{}"


@contextmanager
def wire(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that speaks no HTTP library's HTTP; yields its URL."""
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            conn, _ = listener.accept()
            with conn:
                try:
                    talk(conn, closing)
                except OSError:
                    return  # the client left, as it should

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        closing.set()
        thread.join(10)


def drip(first: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Send ``first``, then a byte now and again, for ever."""

    def talk(conn: socket.socket, closing: threading.Event) -> None:
        hear(conn)
        conn.sendall(first)
        while not closing.wait(0.02):
            conn.sendall(b"x")

    return talk


class TestBadReceivers:
    @pytest.mark.parametrize(
        "first",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",  # a dripping body
            b"HTTP/1.1 200 OK\r\n\r\n",  # a body without an end
            b"HTTP/1.1 200 OK\r\nX-Long: ",  # a dripping header
            b"HTTP/1.1 ",  # a dripping status
            b"",
        ],
    )
    def test_a_drip_is_cut_off(self, first: bytes) -> None:
        with wire(drip(first)) as url, pytest.raises(SendError, match="within") as caught:
            send(url, allow_private=True, timeout=0.3)
        assert caught.value.timed_out

    @pytest.mark.parametrize(
        "answer",
        [
            b"",  # closed at once
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",  # closed too early
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",  # too many headers
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",  # too long a header
        ],
    )
    def test_nonsense_is_an_error(self, answer: bytes) -> None:
        def talk(conn: socket.socket, _closing: threading.Event) -> None:
            hear(conn)
            conn.sendall(answer)

        with wire(talk) as url, pytest.raises(SendError) as caught:
            send(url, allow_private=True)
        assert not caught.value.timed_out

    @given(answer=st.binary(max_size=200))
    def test_any_answer_is_an_answer_or_our_error(self, answer: bytes) -> None:
        def talk(conn: socket.socket, _closing: threading.Event) -> None:
            hear(conn)
            conn.sendall(b"HTTP/1.1 200 OK\r\n" + answer)

        with wire(talk) as url, suppress(SendError):
            assert send(url, allow_private=True).status == 200


def test_the_system_s_resolver_is_the_default(receiver: Receiver) -> None:
    assert send(f"http://localhost:{receiver.port}/", allow_private=True).status == 200
