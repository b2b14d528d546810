"""Authentication: an API key, as a bearer token or as the password of HTTP basic.

Basic exists for Twilio Studio, whose HTTP Request widget cannot send headers. The store keeps keys
as digests and finds them by digest, so that no comparison leaks timing. A revoked key does not
open the next request.
"""

from __future__ import annotations

import base64
import binascii

from app.routes.errors import unauthorized
from app.routes.lean_flask import current_globals, current_request
from app.routes.validation import services
from app.store.accounts import ApiKey, find_key
from app.store.vault import digest


def require_key() -> None:
    """Run before every request of the API; keep its key (``lean_flask.api_key``).

    Raises ``ApiError`` 401.
    """
    key = _key(presented_key())
    if key is None:
        raise unauthorized()
    current_globals().api_key = key


def organisation(token: str | None) -> str | None:
    """The organisation of a key; None without a valid one."""
    key = _key(token)
    return key.org_id if key else None


def presented_key() -> str | None:
    """The key in the request's Authorization header."""
    scheme, _, value = current_request().environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    return _password(value.strip()) if scheme.lower() == "basic" else None


def _key(token: str | None) -> ApiKey | None:
    if not token:
        return None
    with services().context.store.read() as conn:
        return find_key(conn, digest(token))


def _password(encoded: str) -> str | None:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return pair.partition(":")[2] or None
