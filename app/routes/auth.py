"""Authentication: an API key, as a bearer token or as the password of HTTP basic.

Basic exists for flows whose HTTP requests can have no headers of their own, but a password in the
URL. The store keeps keys as digests and finds them by digest, so that no comparison leaks timing.
A revoked key does not open the next request. ``app/routes/attempts.py`` slows wrong ones.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import time

from app.net.peer import client_address
from app.routes.errors import ApiError, unauthorized
from app.routes.lean_flask import current_globals, current_request
from app.routes.validation import services
from app.store.accounts import ApiKey, find_key
from app.store.vault import digest
from app.telemetry.once_a_minute import OnceAMinute

TOO_MANY_WRONG = "Too many wrong keys from your address: try again later"

log = logging.getLogger(__name__)

_slowed = OnceAMinute(log, "wrong keys were answered with 429: %s")


def require_key() -> None:
    """Run before every request of the API; keep its key (``lean_flask.api_key``).

    Raises ``ApiError`` 401, or 429 when its address sends too many wrong keys.
    """
    key = _key(presented_key())
    if key is None:
        raise refusal()
    current_globals().api_key = key


def require_key_to_docs() -> None:
    """Run before every request of the API's documents: with PROTECT_DOCS they need a key, too."""
    if services().context.settings.protect_docs:
        require_key()


def require_token(token: str) -> None:
    """Ask for this token. Raises ``ApiError`` 401 or 429."""
    presented = presented_key() or ""
    if not hmac.compare_digest(presented.encode(), token.encode()):
        raise refusal()


def organisation(token: str | None) -> str | None:
    """The organisation of a key; None without a valid one."""
    key = _key(token)
    return key.org_id if key else None


def refusal() -> ApiError:
    """The response to a missing, wrong or revoked secret. A wrong one is counted."""
    if presented_key() or current_request().args.get("token"):
        address = client()
        if wait := services().doors.keys.count(address):
            _slowed.add(f"from {address}")
            _slowed.tell(time.monotonic())
            return ApiError(429, TOO_MANY_WRONG, {"Retry-After": str(wait)})
    return unauthorized()


def client() -> str:
    """The address that the request comes from."""
    environ = current_request().environ
    return client_address(
        environ.get("REMOTE_ADDR") or "",
        environ.get("HTTP_X_FORWARDED_FOR") or "",
        services().context.settings.trusted_proxies,
    )


def presented_key() -> str | None:
    """The key in the request's Authorization header."""
    scheme, _, value = current_request().environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    return _password(value.strip()) if scheme.lower() == "basic" else None


def _key(token: str | None) -> ApiKey | None:
    if not token:
        return None
    doors, hashed = services().doors, digest(token)
    if hashed not in doors.known and doors.keys.wait(client()):
        return None
    with services().context.store.read() as conn:
        key = find_key(conn, hashed)
    (doors.known.add if key else doors.known.discard)(hashed)
    return key


def _password(encoded: str) -> str | None:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return pair.partition(":")[2] or None
