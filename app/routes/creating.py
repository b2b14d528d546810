"""Creating a call over HTTP: the key's rate, and ``Idempotency-Key``.

A request that repeats an earlier one uses nothing of the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, g, request
from sqlalchemy.engine import Connection

from app.domain.calls.idempotency import Once
from app.domain.calls.limits import Rate
from app.routes.errors import ApiError
from app.routes.validation import reply, services

HEADER = "Idempotency-Key"
MAX_KEY = 255


def created(body: Mapping[str, Any]) -> Response:
    """201 and the Call, made now or by an earlier request with the same key."""
    key = _key()
    if key is None:
        return reply(_make(body, None), 201)
    once = Once(services().core, g.org_id, key, body)
    return reply(once.make(lambda: _make(body, once)), 201)


def _make(body: Mapping[str, Any], once: Once | None) -> dict[str, Any]:
    rate = Rate(services().core, g.key_id)
    rate.look()

    def last(conn: Connection, call: dict[str, Any]) -> None:
        rate.take(conn)
        if once is not None:
            once.keep(conn, call)

    return services().calls.create(g.org_id, body, last)


def _key() -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise ApiError(400, f"{HEADER} must be 1 to {MAX_KEY} printable ASCII characters")
    return key
