"""A server that speaks no library's HTTP, on loopback, in a thread, with or without TLS."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""https://www.rfc-editor.org/rfc/rfc6455#section-1.3"""


@dataclass(frozen=True)
class Asked:
    """One request. ``head``: its lines, as they came."""

    head: bytes

    def header(self, name: str) -> str:
        found = re.search(rb"(?im)^" + name.encode() + rb": *(.*?)\r?$", self.head)
        return found[1].decode() if found else ""


Talk = Callable[[socket.socket, Asked], None]


@dataclass
class Wire:
    """``port``, and what came: requests, and the names that the TLS handshakes asked for."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def served(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Every connection has one request heard, and then ``talk``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener.getsockname()[1])
        if tls is not None:
            tls.sni_callback = lambda _sock, name, _context: wire.names.append(name)

        def take(conn: socket.socket) -> None:
            with conn, suppress(OSError):  # the client may leave at any time
                if tls is not None:
                    conn = tls.wrap_socket(conn, server_side=True)
                with conn:
                    asked = Asked(_head(conn))
                    wire.asked.append(asked)
                    talk(conn, asked)

        def accept() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    conn, _ = listener.accept()
                    threading.Thread(target=take, args=(conn,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield wire
        wire.closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _head(conn: socket.socket) -> bytes:
    """The request, to the end of its body: a socket closed before that is reset."""
    heard = b""
    while True:
        head, end, body = heard.partition(b"\r\n\r\n")
        due = int(Asked(head + b"\r\n").header("Content-Length") or 0)
        if end and len(body) >= due:
            return head + b"\r\n"
        more = conn.recv(65_536)
        if not more:
            raise OSError("the client left")
        heard += more


def http_answer(body: bytes, status: str = "200 OK", *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def websocket_answer(asked: Asked, message: bytes) -> bytes:
    """The handshake, and one binary message."""
    key = asked.header("Sec-WebSocket-Key").encode()
    accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest()).decode()
    head = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
    ]
    frame = b"\x82\x7f" + len(message).to_bytes(8, "big") + message
    return "\r\n".join([*head, "", ""]).encode() + frame
