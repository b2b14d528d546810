"""Authentication: an API key, as a bearer token or as the password of HTTP basic.

Basic exists for Twilio Studio, whose HTTP Request widget cannot send headers. The store keeps keys
as digests and finds them by digest, so that no comparison leaks timing. A key that was found is
cached for some seconds. A revoked key may still work for that long.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time

from flask import current_app, g, request

from app.routes.errors import unauthorized
from app.store.accounts import ApiKey, find_key
from app.store.engine import Store
from app.store.vault import digest

EXTENSION = "patchbay.keys"
REMEMBERED_SECONDS = 5.0
REMEMBERED_KEYS = 1000


class Keys:
    """The valid API keys, with a short cache."""

    def __init__(self, store: Store, remember: float = REMEMBERED_SECONDS) -> None:
        self.store = store
        self.remember = remember
        self._known: dict[str, tuple[float, ApiKey]] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> ApiKey | None:
        """Find a key. Raises the store's errors."""
        name, now = digest(token), time.monotonic()
        until, key = self._known.get(name, (0.0, None))
        if key is not None and now < until:
            return key
        with self.store.read() as conn:
            found = find_key(conn, name)
        self._keep(name, found, now + self.remember)
        return found

    def _keep(self, name: str, key: ApiKey | None, until: float) -> None:
        with self._lock:
            self._known.pop(name, None)
            if len(self._known) >= REMEMBERED_KEYS:
                self._known.clear()
            if key is not None:
                self._known[name] = (until, key)


def require_key() -> None:
    """Run before every request of the API; set ``g.org_id`` and ``g.key_id``.

    Raises ``ApiError`` 401.
    """
    key = _key(presented_key())
    if key is None:
        raise unauthorized()
    g.org_id, g.key_id = key.org_id, key.id


def organisation(token: str | None) -> str | None:
    """The organisation of a key; None without a valid one."""
    key = _key(token)
    return key.org_id if key else None


def presented_key() -> str | None:
    """The key in the request's Authorization header."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    return _password(value.strip()) if scheme.lower() == "basic" else None


def _key(token: str | None) -> ApiKey | None:
    keys: Keys = current_app.extensions[EXTENSION]
    return keys.find(token) if token else None


def _password(encoded: str) -> str | None:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return pair.partition(":")[2] or None
