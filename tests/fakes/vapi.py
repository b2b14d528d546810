"""A stand-in for Vapi's API: lists of objects over HTTP, with its key, pages and status codes.

https://docs.vapi.ai/api-reference/assistants/list
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEY = "a private key of Vapi"
ORG = "99999999-9999-4999-8999-999999999999"
NUMBERED = "/structured-output"
"""Its list has numbered pages; ``/file`` and ``/credential`` have none."""
WITHOUT_PAGES = ("/file", "/credential")
EMPTY = ("/assistant", "/tool", "/squad", "/phone-number", NUMBERED, *WITHOUT_PAGES)


class FakeVapi:
    """``objects``: path -> bodies, oldest first. They get the fields that Vapi sets."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {path: [] for path in EMPTY}
        self.contents: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and key of each."""
        self.status: int | None = None
        """Answers everything with it."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.vapi = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, path: str, id: str, **body: Any) -> dict[str, Any]:
        number = len(self.objects[path])
        at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000Z"
        made = {"id": id, "orgId": ORG, "createdAt": at, "updatedAt": at, **body}
        self.objects[path].append(made)
        return made

    def add_file(self, id: str, name: str, content: bytes) -> None:
        self.contents[f"/content/{id}"] = content
        about = {"object": "file", "status": "done", "bytes": len(content), "purpose": "assistant"}
        url = f"{self.url}/content/{id}"
        self.add("/file", id, name=name, originalName=name, mimetype="text/plain", url=url, **about)

    def answer(self, path: str, query: dict[str, str]) -> Any:
        """A page, newest first."""
        found = list(reversed(self.objects[path]))
        if path in WITHOUT_PAGES:
            return found
        limit = int(query.get("limit", 100))
        if path == NUMBERED:
            begin = limit * (int(query.get("page", 1)) - 1)
            page = {
                "itemsPerPage": limit,
                "totalItems": len(found),
                "currentPage": begin // limit + 1,
            }
            return {"results": found[begin : begin + limit], "metadata": page}
        until = query.get("createdAtLe", "9")
        return [each for each in found if each["createdAt"] <= until][:limit]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    vapi: FakeVapi


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        vapi, parts = self.server.vapi, urlsplit(self.path)
        key = self.headers.get("Authorization", "")
        vapi.requests.append(("GET", self.path, key))
        if parts.path in vapi.contents:
            self._send(200, vapi.contents[parts.path])
        elif vapi.status is not None:
            self._send(vapi.status, b"{}")
        elif key != f"Bearer {KEY}":
            self._send(
                401, b'{"message": "Invalid Key. Hot tip, you may be using the public key."}'
            )
        elif parts.path not in vapi.objects:
            self._send(404, b'{"message": "Cannot GET"}')
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._send(200, json.dumps(vapi.answer(parts.path, query)).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what it expected."""
