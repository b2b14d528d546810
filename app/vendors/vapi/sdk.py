"""Vapi's SDK, over ``app/net/http.py``. Import it late: the SDK takes 60 MB and a second.

Its requests go to a vetted address, with one deadline, without redirects.
"""

from __future__ import annotations

from typing import Any

import httpx
from vapi import Vapi

from app.net.headers import without_framing
from app.net.http import get, post

SECONDS, READ_SECONDS = 10.0, 3.0
"""Of a creation, while the caller hears nothing, and of another request."""
MOST_BYTES = 10_000_000
"""Of an answer: the whole conversation is in it."""


class Transport(httpx.BaseTransport):
    """Sends the SDK's requests, and keeps the last answer as it came.

    The SDK's models have no ``phoneCallProviderDetails``.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self.status: int | None = None
        self.body = b""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ``SendError``."""
        headers = {**without_framing(request.headers), "accept-encoding": "identity"}
        url, private = str(request.url), self._allow_private
        if request.method == "GET":
            answer = get(url, headers, READ_SECONDS, private, MOST_BYTES)
        else:
            answer = post(url, request.read(), headers, SECONDS, private, MOST_BYTES)
        self.status, self.body = answer.status, answer.body
        return httpx.Response(answer.status, content=answer.body, request=request)


def calls(key: str, url: str, transport: Transport) -> Any:
    """The SDK's client of calls. It sends nothing by itself."""
    return Vapi(token=key, base_url=url, httpx_client=httpx.Client(transport=transport)).calls
