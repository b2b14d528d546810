"""The guarded POST, against a real server on the loopback interface and a spy on connect()."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from app.net.addresses import NOT_PUBLIC, BadURL, allowed, check_address, check_url
from app.net.http import Response, SendError, post
from tests.fakes.client_server import Receiver, Reply

PUBLIC = "93.184.215.14"

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

Spy = list[Any]


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Addresses somebody tried to connect to; nobody gets through."""
    tried: Spy = []

    def connect(_sock: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError("spied upon")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


def found(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


def send(url: str, *, allow_private: bool = False, timeout: float = 20.0, **more: Any) -> Response:
    return post(url, b"{}", {}, timeout, allow_private, **more)


class TestRefusedBeforeConnecting:
    @pytest.mark.parametrize("url", LITERALS)
    def test_an_address_that_is_not_public(self, url: str, connects: Spy) -> None:
        with pytest.raises(BadURL):
            check_url(url, allow_private=False)
        with pytest.raises(SendError, match=r"public address|this machine"):
            send(url)
        assert connects == []

    @pytest.mark.parametrize("url", MALFORMED)
    @pytest.mark.parametrize("allow_private", [True, False])
    def test_a_malformed_url(self, url: str, allow_private: bool, connects: Spy) -> None:
        with pytest.raises(BadURL):
            check_url(url, allow_private)
        with pytest.raises(SendError):
            send(url, allow_private=allow_private, resolver=found(PUBLIC))
        assert connects == []

    @pytest.mark.parametrize("port", [22, 25, 8000, 6379, 65535])
    def test_a_port_that_is_not_the_web_s(self, port: int, connects: Spy) -> None:
        with pytest.raises(SendError, match=f"port {port}"):
            send(f"http://client.example:{port}/", resolver=found(PUBLIC))
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


class TestAllowedAddresses:
    """For whoever connects by other means than ``post``."""

    def test_of_a_public_name(self) -> None:
        assert allowed("https://client.example/", False, resolver=found(PUBLIC)) == (PUBLIC,)

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1"])
    def test_of_a_name_that_is_not(self, address: str) -> None:
        with pytest.raises(BadURL, match="not a public address"):
            allowed("https://client.example/", False, resolver=found(PUBLIC, address))

    def test_of_a_private_name_where_that_is_allowed(self) -> None:
        url = "http://client.example:8001/"
        assert allowed(url, True, resolver=found("127.0.0.1")) == ("127.0.0.1",)

    def test_of_what_is_no_web_address(self) -> None:
        with pytest.raises(BadURL, match="port 22"):
            allowed("https://client.example:22/", False, resolver=found(PUBLIC))


class TestConnecting:
    def test_only_the_address_that_was_checked(self, connects: Spy) -> None:
        """A resolver that answers differently the second time is never asked a second time."""
        answers = [[PUBLIC], ["127.0.0.1"]]

        def flip_flop(_host: str, _port: int) -> Sequence[str]:
            return answers.pop(0)

        with pytest.raises(SendError, match="cannot be reached"):
            send("http://client.example/", resolver=flip_flop)
        assert connects == [(PUBLIC, 80)]
        assert answers == [["127.0.0.1"]]

    def test_all_addresses_in_turn(self, connects: Spy) -> None:
        with pytest.raises(SendError):
            send("https://client.example:8443/", resolver=found("2606:4700::1", PUBLIC))
        assert [address[:2] for address in connects] == [("2606:4700::1", 8443), (PUBLIC, 8443)]

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


@given(st.ip_addresses())
def test_the_table_knows_all_that_python_knows(address: Any) -> None:
    """What ``ipaddress`` calls private is never let through, whatever else the table holds."""
    mapped = getattr(address, "ipv4_mapped", None)
    try:
        check_address("a.example", address)
    except BadURL:
        return
    assert (mapped or address).is_global


@pytest.mark.parametrize("network", NOT_PUBLIC, ids=str)
def test_the_table_s_edges(network: Any) -> None:
    for address in (network[0], network[-1]):
        with pytest.raises(BadURL):
            check_address("a.example", address)


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

    def test_host_is_the_url_s(self, receiver: Receiver) -> None:
        send(
            f"http://client.example:{receiver.port}",
            allow_private=True,
            resolver=found("127.0.0.1"),
        )
        assert receiver.requests[0].headers["host"] == f"client.example:{receiver.port}"
        assert receiver.requests[0].path == "/"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, receiver: Receiver, status: int) -> None:
        receiver.script(Reply(status, {"Location": receiver.url + "/elsewhere"}))
        assert send(receiver.url, allow_private=True).status == status
        assert len(receiver.requests) == 1

    def test_a_proxy_in_the_environment_is_not_used(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert send(receiver.url, allow_private=True).status == 200

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


NAME = "hooks.client.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for ``NAME``, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    return path


class TestTLS:
    @contextmanager
    def server(self, certificate: Path, asked: list[str | None]) -> Iterator[str]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _sock, name, _context: asked.append(name)

        def talk(conn: socket.socket, _closing: threading.Event) -> None:
            with context.wrap_socket(conn, server_side=True) as secure:
                hear(secure)
                secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        with wire(talk) as url:
            yield url.rsplit(":", 1)[1]

    def test_the_certificate_is_checked_for_the_name(self, certificate: Path) -> None:
        asked: list[str | None] = []
        trust = ssl.create_default_context(cafile=certificate)
        with self.server(certificate, asked) as rest:
            answer = send(
                f"https://{NAME}:{rest}", allow_private=True, resolver=found("127.0.0.1"), tls=trust
            )
        assert answer.status == 204
        assert asked == [NAME]

    def test_another_name_is_refused(self, certificate: Path) -> None:
        trust = ssl.create_default_context(cafile=certificate)
        with (
            self.server(certificate, []) as rest,
            pytest.raises(SendError, match="no secure connection"),
        ):
            send(
                f"https://other.example:{rest}",
                allow_private=True,
                resolver=found("127.0.0.1"),
                tls=trust,
            )

    def test_an_untrusted_issuer_is_refused(self, certificate: Path) -> None:
        with (
            self.server(certificate, []) as rest,
            pytest.raises(SendError, match="no secure connection"),
        ):
            send(f"https://{NAME}:{rest}", allow_private=True, resolver=found("127.0.0.1"))


def test_the_system_s_resolver_is_the_default(receiver: Receiver) -> None:
    assert send(f"http://localhost:{receiver.port}/", allow_private=True).status == 200


def test_the_table_is_sorted_by_kind() -> None:
    versions = [ipaddress.ip_network(network).version for network in NOT_PUBLIC]
    assert versions == sorted(versions)
