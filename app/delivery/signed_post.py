"""One POST to the client's server with all its proofs, and once more after a stale token."""

from __future__ import annotations

import time
from typing import Any

from app.delivery.headers import headers
from app.net.authentication import AuthenticationFailed, Outgoing
from app.net.http import Response, SendError, post
from providers.common.json_types import JsonObject

UNAUTHORIZED = 401


def post_signed(
    request: Outgoing,
    secrets: JsonObject,
    seconds: float,
    allow_private: bool,
    *given: Any,
    **more: Any,
) -> Response:
    """``secrets``: of the server, with the ``signer`` of its credential. Raises ``SendError``.

    A 401 may mean that an OAuth token was revoked. Then a new one is sent, once. ``seconds``: for
    all of it, the wait for tokens included.
    """
    until = time.monotonic() + seconds

    def send(*, rejected: bool) -> Response:
        named = headers(request, secrets, rejected=rejected)
        left = round(until - time.monotonic(), 1)
        if left <= 0:
            raise SendError(f"no token within {seconds:g} s", timed_out=True)
        return post(request.url, request.body, named, left, allow_private, *given, **more)

    try:
        answer = send(rejected=False)
        signer = secrets.get("signer")
        if answer.status == UNAUTHORIZED and signer is not None and signer.waits:
            answer = send(rejected=True)
    except AuthenticationFailed as error:
        raise SendError(str(error)) from error
    return answer
