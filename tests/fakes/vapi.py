"""A stand-in for Vapi's API: lists of objects over HTTP, with its key, pages and status codes.

https://docs.vapi.ai/api-reference/assistants/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from providers.simulation.api_server import ApiReply, ApiRequest, serve

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
        self.url = ""

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

    def reply(self, request: ApiRequest) -> ApiReply:
        if request.method != "GET":
            return ApiReply(501)
        key = request.authorization
        self.requests.append((request.method, request.target, key))
        if request.path in self.contents:
            return ApiReply(200, self.contents[request.path])
        if self.status is not None:
            return ApiReply(self.status, {})
        if key != f"Bearer {KEY}":
            told = "Invalid Key. Hot tip, you may be using the public key."
            return ApiReply(401, {"message": told})
        if request.path not in self.objects:
            return ApiReply(404, {"message": "Cannot GET"})
        return ApiReply(200, self.page(request.path, dict(parse_qsl(request.query))))

    def page(self, path: str, query: Mapping[str, str]) -> Any:
        """Newest first."""
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


@contextmanager
def serving() -> Iterator[FakeVapi]:
    """An empty organisation's, until the end of the block."""
    vapi = FakeVapi()
    with serve(vapi.reply) as vapi.url:
        yield vapi
