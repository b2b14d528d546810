"""Encryption of what must not lie in the store in clear, and digests of tokens and keys.

Fernet with a key derived from SECRET_KEY (HKDF); several SECRET_KEYs, comma separated, are a
rotation: the first encrypts, all decrypt. Tokens and API keys are random, so a plain SHA-256
is enough to keep them; no slow hash is needed.
https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class WrongKey(Exception):
    """What the store holds was encrypted with another SECRET_KEY."""


class Vault:
    """Seals and opens small JSON objects."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derive(key, b"patchbay store")) for key in keys])
        self._plain = lru_cache(maxsize=1024)(self._decrypt)  # one row is often opened twice
        self._signing = _derive(keys[0], b"patchbay links")

    def seal(self, secret: Mapping[str, Any]) -> bytes | None:
        """None for nothing, so that a row without secrets holds none."""
        return self._fernet.encrypt(json.dumps(secret).encode()) if secret else None

    def open(self, sealed: bytes | None) -> dict[str, Any]:
        """Raises ``WrongKey``."""
        return {} if sealed is None else cast("dict[str, Any]", json.loads(self._plain(sealed)))

    def _decrypt(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise WrongKey(
                "SECRET_KEY is not the one the stored secrets were encrypted with: "
                "set it back, or list both as SECRET_KEY=new,old"
            ) from error

    def sign(self, text: str) -> str:
        """A MAC for links we hand out ourselves."""
        return hmac.new(self._signing, text.encode(), hashlib.sha256).hexdigest()


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """How a token or key is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def _derive(key: str, purpose: bytes) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
