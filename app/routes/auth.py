"""Who is asking: an API key, as a bearer token or as the password of HTTP basic.

Basic exists for Studio, whose HTTP request cannot send headers. Keys are kept as digests and
looked up by them, so nothing is compared byte by byte. A key that was found is remembered for
some seconds: that is how long a revoked one may still be let in.
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
    """The keys in force, with a short memory."""

    def __init__(self, store: Store, remember: float = REMEMBERED_SECONDS) -> None:
        self.store = store
        self.remember = remember
        self._known: dict[str, tuple[float, ApiKey]] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> ApiKey | None:
        """Raises what the store raises."""
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
    """Before every request of the API. Sets ``g.org_id`` and ``g.key_id``. Raises ``ApiError`` 401."""
    key = _key(presented_key())
    if key is None:
        raise unauthorized()
    g.org_id, g.key_id = key.org_id, key.id


def organisation(token: str | None) -> str | None:
    """Whose key it is; None for no key and for one that is not in force."""
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
