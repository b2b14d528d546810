"""Encrypts secrets for the store, signs links and tokens, and digests API keys.

Keys are derived from SECRET_KEY (HKDF). Several SECRET_KEYs, comma separated, are a rotation: the
first encrypts and signs, all decrypt and verify. API keys are random, so a plain SHA-256 protects
them; a slow hash is not needed.

https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet
https://itsdangerous.palletsprojects.com/en/stable/concepts/#key-rotation
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.store.engine import Columns, Row

# The form of a signature in a link: a SHA-256 in hexadecimal digits.
SIGNATURE = re.compile("[0-9a-f]{64}", re.ASCII)
SHORTEST_MAC = 8
"""Bytes of a MAC that are enough for a name; tokens have more."""


class WrongKey(Exception):
    """The stored secret was encrypted with another SECRET_KEY."""


class Vault:
    """Encrypts and decrypts small JSON objects."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derive(key, b"patchbay store")) for key in keys])
        self._plain = lru_cache(maxsize=1024)(self._decrypt)  # one row is often decrypted twice
        self._signer = Signer(
            [_derive(key, b"patchbay links") for key in reversed(keys)],  # it signs with the last
            key_derivation="none",  # HKDF derived them
            digest_method=hashlib.sha256,
        )
        self._token_keys = [_derive(key, b"patchbay tokens") for key in keys]

    def seal(self, secret: Columns) -> bytes | None:
        """Encrypt a secret. Returns None for an empty one, so that its column stays NULL."""
        return self._fernet.encrypt(json.dumps(secret).encode()) if secret else None

    def open(self, sealed: bytes | None) -> Row:
        """Decrypt a secret. Raises ``WrongKey``."""
        return {} if sealed is None else cast("Row", json.loads(self._plain(sealed)))

    def _decrypt(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise WrongKey(
                "SECRET_KEY is not the one the stored secrets were encrypted with: "
                "set it back, or list both as SECRET_KEY=new,old"
            ) from error

    def sign(self, text: str) -> str:
        """The signature for a link of ours.

        Links outlive a deploy: a new form of signature would break those of calls in progress.
        """
        return base64_decode(self._signer.get_signature(text)).hex()

    def is_signed(self, text: str, signature: str) -> bool:
        """Whether one of the keys signed ``text``. Takes the same time for a wrong signature."""
        if SIGNATURE.fullmatch(signature) is None:
            return False
        return self._signer.verify_signature(text, base64_encode(bytes.fromhex(signature)))

    def mac(self, purpose: str, data: bytes) -> bytes:
        """The HMAC-SHA-256 of a token's data."""
        return hmac.digest(self._token_keys[0], f"{purpose}\0".encode() + data, "sha256")

    def has_mac(self, purpose: str, data: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is the data's MAC by one of the keys, or a beginning of it.

        The comparison takes the same time for a wrong one.
        """
        if len(mac) < SHORTEST_MAC:
            return False
        signed = f"{purpose}\0".encode() + data
        macs = [hmac.digest(key, signed, "sha256")[: len(mac)] for key in self._token_keys]
        return any(hmac.compare_digest(mac, each) for each in macs)


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """The stored form of a token or key."""
    return hashlib.sha256(token.encode()).hexdigest()


def _derive(key: str, purpose: bytes) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
