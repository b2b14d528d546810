"""The synchronous client: one request to a vetted address, without redirects or proxies.

It has one deadline for the whole exchange. The timeout of ``urllib3`` and ``requests`` starts again
with every read. So a server that sends single bytes would block a thread for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.net.addresses import BadURL, Resolver, Target, addresses_of, check_url, resolve
from app.net.connections import Connected, Connections
from app.net.headers import FRAMING, HEADER_NAME, HEADER_VALUE
from app.net.trust import trust

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS = 5.0
CHUNK = 16_384


class SendError(Exception):
    """There is no response; the message says why. ``timed_out``: the receiver took too long."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status. ``headers``: lower-case names; ``body`` may be cut short."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float,
    allow_private: bool,
    max_response: int = 64_000,
    *,
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
    connections: Connections | None = None,
) -> Response:
    """POST ``body``. ``timeout``: seconds from connecting to the last byte of the response.

    Reads at most ``max_response`` bytes of it. A redirect is a response like any other. Raises
    ``SendError``. With ``connections`` it may use one that is kept open. If the server closes it at
    that moment, the request is sent once more, on a new one.
    """
    until = time.monotonic() + timeout
    target, addresses = _vetted(url, headers, allow_private, resolver)
    request = _Request("POST", target, body, headers, until, max_response, connections)
    return request.send(addresses, tls, timeout)


def get(
    url: str,
    headers: Mapping[str, str],
    timeout: float,
    allow_private: bool,
    max_response: int = 64_000,
    *,
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
) -> Response:
    """GET, with the rules and the limits of ``post``. Raises ``SendError``."""
    until = time.monotonic() + timeout
    target, addresses = _vetted(url, headers, allow_private, resolver)
    request = _Request("GET", target, None, headers, until, max_response, None)
    return request.send(addresses, tls, timeout)


def _vetted(
    url: str, headers: Mapping[str, str], allow_private: bool, resolver: Resolver
) -> tuple[Target, Sequence[str]]:
    """The parsed URL, and the addresses at which it may be called. Raises ``SendError``."""
    _check_headers(headers)
    try:
        target = check_url(url, allow_private)
        return target, addresses_of(target, allow_private, resolver)
    except BadURL as error:
        raise SendError(str(error)) from error


class _ClosedBefore(ConnectionError):
    """The server closed the connection, and there is no byte of an answer."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: Target
    body: bytes | None
    headers: Mapping[str, str]
    until: float
    max_response: int
    connections: Connections | None

    def send(
        self, addresses: Sequence[str], tls: ssl.SSLContext | None, timeout: float
    ) -> Response:
        """Send it, on a connection that was kept open if there is one. Raises ``SendError``."""
        with _one_error(self.target.host, timeout):
            kept = self.connections.take(addresses, self.target) if self.connections else None
            if kept is not None:
                with suppress(_ClosedBefore):
                    return self.on(kept)
            return self.on(_opened(addresses, self.target, tls, self.until))

    def on(self, connected: Connected) -> Response:
        """Send it on this connection, which is kept or closed afterwards."""
        timed = _Timed(connected.sock, self.until)
        keeps = False
        try:
            answer = self._answer(timed)
            told = {name.lower(): value for name, value in answer.getheaders()}
            response = Response(answer.status, told, _read(answer, self.max_response))
            keeps = answer.isclosed() and not answer.will_close
            return response
        except (ConnectionError, ssl.SSLError) as error:
            if timed.is_answered:
                raise
            raise _ClosedBefore(*error.args) from error
        finally:
            if keeps and self.connections is not None:
                self.connections.keep(connected, self.target)
            else:
                connected.sock.close()

    def _answer(self, timed: _Timed) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.target.host)
        connection.sock = timed
        named = {**self.headers, "Host": _host_header(self.target)}
        connection.request(self.method, self.target.path, body=self.body, headers=named)
        return connection.getresponse()


def _opened(
    addresses: Sequence[str], target: Target, tls: ssl.SSLContext | None, until: float
) -> Connected:
    plain = _dial(addresses, target, until)
    if not target.secure:
        return plain
    try:
        return Connected(_secured(plain.sock, target, tls, until), plain.address)
    except BaseException:
        plain.sock.close()
        raise


@contextmanager
def _one_error(host: str, timeout: float) -> Iterator[None]:
    """Raise every error of the connection as ``SendError``."""
    try:
        yield
    except TimeoutError as error:
        raise SendError(f"no answer from {host} within {timeout:g} s", timed_out=True) from error
    except ssl.SSLError as error:
        raise SendError(f"no secure connection to {host}: {error}") from error
    except OSError as error:
        raise SendError(f"the connection to {host} broke: {error}") from error
    except http.client.HTTPException as error:
        raise SendError(f"{host} answered something that is not HTTP: {error!r}") from error


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise SendError(f"header {name!r} holds characters that HTTP does not allow")
        if name.lower() in FRAMING:
            raise SendError(f"header {name!r} cannot be set")


def _dial(addresses: Sequence[str], target: Target, until: float) -> Connected:
    """Connect to the first address that answers."""
    problem: OSError | None = None
    for address in addresses:
        left = min(CONNECT_SECONDS, until - time.monotonic())
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            problem = error
        else:  # headers and body are two writes: do not wait for an acknowledgement in between
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Connected(sock, address)
    slow = problem is None or isinstance(problem, TimeoutError)
    reason = "no connection in time" if slow else str(problem)
    raise SendError(f"{target.host} cannot be reached: {reason}", timed_out=slow)


def _secured(
    sock: socket.socket, target: Target, tls: ssl.SSLContext | None, until: float
) -> ssl.SSLSocket:
    """Start TLS, for the URL's name and not the address."""
    sock.settimeout(_left(until))
    return (tls or trust()).wrap_socket(sock, server_hostname=target.host.rstrip("."))


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (443 if target.secure else 80) else f"{host}:{target.port}"


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    body = bytearray()
    while len(body) < most:
        chunk = answer.read(min(CHUNK, most - len(body)))
        if not chunk:
            if answer.length:  # http.client does not report a body that breaks off
                raise http.client.IncompleteRead(bytes(body), answer.length)
            break
        body += chunk
    return bytes(body)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed:
    """The part of a socket that ``http.client`` uses, with one deadline for all of it.

    A socket's own timeout starts again with every byte, so a receiver could send single bytes for
    ever.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until
        self.is_answered = False
        """Whether a byte has come."""

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def recv_into(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(_left(self._until))
        count = self._sock.recv_into(buffer)
        self.is_answered |= count > 0
        return count

    def close(self) -> None:
        """Do nothing: ``http.client`` calls it before it has read the body. ``post`` closes."""


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._timed.recv_into(buffer)
