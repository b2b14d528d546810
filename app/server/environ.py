"""PEP 3333's environ of one ASGI request.

It has three keys of our own:

* ``patchbay.raw_target``: path and query exactly as sent, because carriers sign the URL as they
  sent it. Only a lone trailing ``?`` is missing: ASGI does not show it.
* ``patchbay.body``: the whole body
* ``patchbay.headers``: (lower-case name, value) pairs in order, repeated ones kept

https://asgi.readthedocs.io/en/latest/specs/www.html https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from providers.common.json_types import JsonDict, JsonObject

Scope = MutableMapping[str, Any]
Environ = JsonDict

UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


class File:
    """``wsgi.file_wrapper``: a response that is read while it is sent. A header has its length."""

    def __init__(self, file: Any, block_size: int = 256 * 1024) -> None:
        self._file = file
        self._block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.next_block, b"")

    def next_block(self) -> bytes:
        """The next block; empty at the end."""
        block: bytes = self._file.read(self._block_size)
        return block

    def close(self) -> None:
        self._file.close()


CONSTANT: JsonObject = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": File,
}


def environ_of(scope: Scope, body: bytes) -> Environ:
    """The environ of one request.

    Header names with ``_`` are left out: they could pose as others.
    """
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"].decode("latin-1")
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    environ = {
        **CONSTANT,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "patchbay.raw_target": raw_path.decode("latin-1") + (f"?{query}" if query else ""),
        "patchbay.body": body,
    }
    environ["patchbay.headers"] = _add_headers(environ, scope["headers"])
    environ["CONTENT_LENGTH"] = str(len(body))  # a chunked body has none of its own
    return environ


def _add_headers(environ: Environ, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Add the headers' keys. Returns the pairs in order."""
    headers = []
    for raw, octets in given:
        name, key = _spelled(raw)
        value = octets.decode("latin-1")
        headers.append((name, value))
        if key in environ:
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        if key:
            environ[key] = value
    return headers


@lru_cache(maxsize=512)
def _spelled(raw: bytes) -> tuple[str, str]:
    """A header's name in lower case, and its key in the environ, empty for none."""
    name = raw.decode("latin-1").lower()
    if "_" in name or name == "transfer-encoding":
        return name, ""
    key = name.upper().replace("-", "_")
    return name, key if key in UNPREFIXED else f"HTTP_{key}"
