"""The contract of every client in ``app.net``: where it connects, as whom, and for how long.

A test class for each client inherits ``Contract`` and says how that client calls a URL.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.certificate import note_reads
from tests.net.wire import Asked, Wire, http_answer, served

PUBLIC, PUBLIC_6 = "93.184.215.14", "2606:4700::1"
NAME = "hooks.client.example"
IDN = "xn--strae-oqa.example"
"""Decoded and encoded again by the rules of 2003, it would be ``strasse.example``."""
BODY = b"\x01\x02" * 1000

LITERALS = [
    "http://127.0.0.1/",
    "http://127.1/",  # inet_aton: the missing bytes are zero
    "http://127.0.1/",
    "http://0/",  # this machine
    "http://0.0.0.0/",
    "http://2130706433/",  # 127.0.0.1 as one number
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",  # octal
    "http://017700000001/",
    "http://127.0.0.1./",  # a trailing dot
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",  # carrier-grade NAT
    "http://169.254.169.254/latest/meta-data/",  # a cloud's metadata
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::127.0.0.1]/",  # IPv4-compatible
    "http://[::ffff:127.0.0.1]/",  # IPv4-mapped
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::7f00:1]/",  # NAT64
    "http://[::ffff:0:127.0.0.1]/",  # IPv4-translated
    "http://[64:ff9b:1::7f00:1]/",
    "http://[100::1]/",
    "http://[2001::1]/",  # Teredo
    "http://[2001:db8::1]/",
    "http://[2002:7f00:1::]/",  # 6to4
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",  # a cloud's metadata
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://any.localhost/",
]

MALFORMED = [
    "",
    "client.example/hook",
    "//client.example/",
    "http://[v1.client:example]/",  # an address of a later version, as the standard allows
    "ftp://client.example/",
    "file:///etc/passwd",
    "gopher://client.example/",
    "unix:///run/socket",
    "http://",
    "http:///path",
    "http://user@client.example/",
    "http://user:password@client.example/",
    "http://user@127.0.0.1#@client.example/",
    "http://client.example@127.0.0.1/",
    "http://client.example\\@127.0.0.1/",
    "http://client.example/a b",
    "http://client.example/\r\nX: y",
    "http://client.example/\t",
    "http://client\n.example/",
    "http://\x00client.example/",
    "http://client.example:0/",
    "http://client.example:99999/",
    "http://client.example:abc/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://[client.example]/",
    "http://clïent.example/",
    "http://１２７.0.0.1/",  # full-width digits
    "http://client..example/",
    "http://-client.example/",
    "http://.example/",
    "http://cli%65nt.example/",
]

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
Spy: TypeAlias = list[tuple[Any, ...]]


def found(*addresses: str) -> Resolver:
    """A resolver that knows these addresses of every name."""
    return lambda _host, _port: addresses


HERE = found("127.0.0.1")


class Contract(ABC):
    """``errors``: what a call that fails may raise."""

    errors: tuple[type[Exception], ...]

    @abstractmethod
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
        """What the server at ``url`` answers: at most ``most`` bytes, within ``seconds``."""

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """The bytes of an answer that holds ``body``."""
        return http_answer(body)

    # ------------------------------------------------------------------ what watches

    @pytest.fixture(autouse=True)
    def lookups(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Names that a client looks up by itself: there must be none."""
        names: list[str] = []
        system = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
            text = host.decode() if isinstance(host, bytes) else str(host)
            with suppress(ValueError):
                ipaddress.ip_address(text)
                return system(host, *args, **options)
            names.append(text)
            raise socket.gaierror(socket.EAI_NONAME, "not from here")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return names

    @contextmanager
    def server(self, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
        """Answers every request with ``BODY``."""
        with served(lambda conn, asked: conn.sendall(self.reply(asked, BODY)), tls) as wire:
            yield wire

    def refused(self, url: str, **options: Any) -> None:
        with pytest.raises(self.errors):
            self.call(url, **options)

    # ------------------------------------------------------------------ where it may go

    @pytest.mark.parametrize("url", LITERALS)
    def test_an_address_that_is_not_public(self, url: str, connects: Spy) -> None:
        self.refused(url, resolver=lambda host, _: [host])
        assert connects == []

    @pytest.mark.parametrize("port", [22, 25, 8000, 6379, 65535])
    def test_a_port_that_is_not_the_web_s(self, port: int, connects: Spy) -> None:
        self.refused(f"http://client.example:{port}/", resolver=found(PUBLIC))
        assert connects == []

    @pytest.mark.parametrize(
        "addresses",
        [
            ("127.0.0.1",),
            ("169.254.169.254",),  # a cloud's metadata
            (PUBLIC, "127.0.0.1"),  # one bad address spoils the name
            ("10.0.0.1", PUBLIC),
            (PUBLIC, "::1"),
            ("::ffff:10.0.0.1",),
            ("fe80::1%eth0",),
            (),
        ],
    )
    def test_a_name_with_an_address_that_is_not(
        self, addresses: tuple[str, ...], connects: Spy, lookups: list[str]
    ) -> None:
        self.refused("https://client.example/", resolver=found(*addresses))
        assert (connects, lookups) == ([], [])

    def test_a_name_that_does_not_resolve(self, connects: Spy) -> None:
        def unknown(_host: str, _port: int) -> Sequence[str]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        self.refused("http://client.example/", resolver=unknown)
        assert connects == []

    @pytest.mark.parametrize(
        "url",
        [
            "http://user@client.example/",
            "http://user:password@client.example/",
            "http://client.example@127.0.0.1/",
        ],
    )
    @pytest.mark.parametrize("allow_private", [True, False])
    def test_a_user_name_in_the_url(self, url: str, allow_private: bool, connects: Spy) -> None:
        self.refused(url, allow_private=allow_private, resolver=found(PUBLIC))
        assert connects == []

    @pytest.mark.parametrize("url", MALFORMED)
    def test_a_malformed_url_leads_only_to_what_was_checked(
        self, url: str, connects: Spy, lookups: list[str]
    ) -> None:
        """Some clients mend a URL before they ask the policy, which judges the mended one."""
        self.refused(url, resolver=found(PUBLIC))
        assert set(connects) <= {(PUBLIC, 80)}
        assert lookups == []

    # ------------------------------------------------------------------ where it goes

    def test_only_the_address_that_was_checked(self, connects: Spy, lookups: list[str]) -> None:
        """A resolver that answers differently the second time is never asked a second time."""
        answers = [[PUBLIC], ["127.0.0.1"]]
        self.refused("http://client.example/", resolver=lambda _host, _port: answers.pop(0))
        assert set(connects) == {(PUBLIC, 80)}
        assert answers == [["127.0.0.1"]]
        assert lookups == []

    def test_all_addresses_in_turn(self, connects: Spy) -> None:
        self.refused("https://client.example:8443/", resolver=found(PUBLIC_6, PUBLIC))
        assert connects[:2] == [(PUBLIC_6, 8443), (PUBLIC, 8443)]

    def test_the_second_address_answers_for_the_first(self) -> None:
        with self.server() as wire:
            url = f"http://{NAME}:{wire.port}/"
            here = found("127.0.0.2", "127.0.0.1")  # only the second is listened on
            assert self.call(url, allow_private=True, resolver=here) == BODY
        assert len(wire.asked) == 1

    @pytest.mark.parametrize(
        ("url", "port"),
        [
            ("http://a.example/", 80),
            ("https://a.example", 443),
            ("https://a.example:8443/x?y", 8443),
            (f"http://[::ffff:{PUBLIC}]/", 80),
        ],
    )
    def test_public_urls_are_let_through(self, url: str, port: int, connects: Spy) -> None:
        self.refused(url, resolver=found(PUBLIC))
        assert set(connects) == {(PUBLIC, port)}

    def test_a_private_address_where_that_is_allowed(self) -> None:
        with self.server() as wire:
            assert self.call(f"http://127.0.0.1:{wire.port}/", allow_private=True) == BODY

    @pytest.mark.parametrize("where", ["the same server", "another server"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int, where: str) -> None:
        def move(conn: socket.socket, _asked: Asked) -> None:
            elsewhere = f"http://{NAME}:{other.port}/" if where == "another server" else "/"
            conn.sendall(http_answer(b"", f"{status} Moved", f"Location: {elsewhere}"))

        with self.server() as other, served(move) as wire:
            with suppress(*self.errors):
                assert self.call(f"http://{NAME}:{wire.port}/", allow_private=True) == b""
            assert (len(wire.asked), other.asked) == (1, [])

    def test_a_proxy_in_the_environment_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ws_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with self.server() as wire:
            assert self.call(f"http://{NAME}:{wire.port}/", allow_private=True) == BODY

    # ------------------------------------------------------------------ as whom

    @pytest.mark.parametrize("name", [NAME, IDN])
    def test_host_is_the_url_s(self, name: str) -> None:
        with self.server() as wire:
            self.call(f"http://{name}:{wire.port}/x?y=1", allow_private=True)
        [asked] = wire.asked
        assert asked.header("Host") == f"{name}:{wire.port}"
        assert b" /x?y=1 HTTP/1.1\r\n" in asked.head

    @pytest.mark.parametrize("name", [NAME, IDN, f"{NAME}."])
    def test_the_certificate_is_checked_for_the_name(self, name: str, certificate: Path) -> None:
        trust = ssl.create_default_context(cafile=certificate)
        with self.secure_server(certificate) as wire:
            url = f"https://{name}:{wire.port}/"
            assert self.call(url, allow_private=True, tls=trust) == BODY
        assert wire.names == [name.rstrip(".")]

    def test_a_certificate_of_another_name_is_refused(self, certificate: Path) -> None:
        trust = ssl.create_default_context(cafile=certificate)
        with self.secure_server(certificate) as wire:
            self.refused(f"https://other.example:{wire.port}/", allow_private=True, tls=trust)
        assert wire.asked == []

    def test_an_untrusted_issuer_is_refused(self, certificate: Path) -> None:
        with self.secure_server(certificate) as wire:
            self.refused(f"https://{NAME}:{wire.port}/", allow_private=True)
        assert wire.asked == []

    def test_the_trusted_certificates_are_read_once(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with self.secure_server(certificate) as wire:
            url = f"https://{NAME}:{wire.port}/"
            self.refused(url, allow_private=True)
            read = note_reads(monkeypatch)
            self.refused(url, allow_private=True)
        assert not read

    @contextmanager
    def secure_server(self, certificate: Path) -> Iterator[Wire]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with self.server(context) as wire:
            yield wire

    # ------------------------------------------------------------------ for how long, and how much

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_server_that_says_nothing_is_left_in_time(self, scheme: str) -> None:
        """Also amid the handshake of TLS, which this server does not answer."""
        with served(_silence) as wire:
            self.refused(f"{scheme}://{NAME}:{wire.port}/", allow_private=True, seconds=0.2)

    def test_an_answer_is_bounded(self) -> None:
        with self.server() as wire:
            url, got = f"http://{NAME}:{wire.port}/", b""
            with suppress(*self.errors):
                got = self.call(url, allow_private=True, most=len(BODY) // 2)
            assert len(got) <= len(BODY) // 2
            assert self.call(url, allow_private=True, most=len(BODY)) == BODY


def _silence(conn: socket.socket, _asked: Asked) -> None:
    conn.recv(1)  # until the client leaves
