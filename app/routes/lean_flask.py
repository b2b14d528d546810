"""Flask without what no route of ours uses, and what every request would pay for.

There are no async views and no sessions. Routes do not depend on the host, and no URL is built from
it, because ``Host`` can be forged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

Start = Callable[[str, list[tuple[str, str]]], Any]


class NoSessions(SessionInterface):
    """One session for all requests, which refuses every change."""

    _session = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._session


class LeanFlask(Flask):
    """An application of plain functions."""

    session_interface = NoSessions()

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
