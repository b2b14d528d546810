"""Flask without what every request would pay for and no route of ours needs.

There are no async views. Routes do not depend on the host, and no URL is built from it, because
``Host`` can be forged. Flask's objects are taken from their proxies once. A proxy looks its object
up anew for every attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import flask
from flask import Flask, Request, Response
from werkzeug.routing import BaseConverter, MapAdapter

from app.store.accounts import ApiKey

Start = Callable[[str, list[tuple[str, str]]], Any]

current_request: Callable[[], Request] = cast(Any, flask.request)._get_current_object
current_app: Callable[[], Flask] = cast(Any, flask.current_app)._get_current_object
current_globals: Callable[[], Any] = cast(Any, flask.g)._get_current_object


class LeanFlask(Flask):
    """An application of plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name=environ.get("HTTP_HOST") or environ["SERVER_NAME"],
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=environ.get("QUERY_STRING", ""),
        )


class OneSegment(BaseConverter):
    """A part of a path that is no word of ours: ``PATCH /call/phone`` names no call."""

    part_isolating = True
    regex = r"(?!(?:phone|web)\Z)[^/]+"


class WholeResponse(Response):
    """A response whose body is in memory: nothing is left to compute when it is sent."""

    def __init__(self, body: bytes, status: int, content_type: str) -> None:
        super().__init__(status=status, content_type=content_type)
        self.response = [body]
        self._body = body

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        if self.status_code == 204:
            start_response(self.status, list(self.headers))
            return ()
        length = ("Content-Length", str(len(self._body)))
        start_response(self.status, [*self.headers, length])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self._body,)


def body_of(request: Request) -> bytes:
    """The request's body. Our own server has read it already, within its limit."""
    body: bytes | None = request.environ.get("patchbay.body")
    return request.get_data(cache=False) if body is None else body


def api_key() -> ApiKey:
    """The key that opened the request. Every section with a key has one."""
    key: ApiKey = current_globals().api_key
    return key
