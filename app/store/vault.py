"""Encrypts secrets for the store, signs links and tokens, and digests API keys.

Keys are derived from SECRET_KEY (HKDF). Several SECRET_KEYs, comma separated, are a rotation: the
first encrypts and signs, all decrypt and verify. API keys are random, so a plain SHA-256 protects
them; a slow hash is not needed.

A seal is AES-256-GCM: a version byte, four bytes that name the key, the nonce, what is encrypted.
The first two are authenticated with it. Nonces are random, so one key is for 2**32 seals: those of
a billion calls. Seals of earlier versions are Fernet tokens, which are still opened.

https://cryptography.io/en/latest/hazmat/primitives/aead/#cryptography.hazmat.primitives.ciphers.aead.AESGCM
https://csrc.nist.gov/pubs/sp/800/38/d/final
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.store.engine import Columns, Row
from providers.common import json_text

# The form of a signature in a link: a SHA-256 in hexadecimal digits.
SIGNATURE = re.compile("[0-9a-f]{64}", re.ASCII)
SHORTEST_MAC = 8
"""Bytes of a MAC that are enough for a name; tokens have more."""

VERSION = b"\x01"
HEADER = 5
"""Bytes of version and key id."""
NONCE = 12
_FERNET = b"gAAAA"
"""How every Fernet token begins."""


class WrongKey(Exception):
    """The stored secret was encrypted with another SECRET_KEY."""


class Vault:
    """Encrypts and decrypts small JSON objects."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_header(key): AESGCM(_derive(key, b"patchbay seal")) for key in keys}
        self._header = _header(keys[0])
        self._fernet = MultiFernet([Fernet(_derive_text(key, b"patchbay store")) for key in keys])
        self._link_keys = [_derive_text(key, b"patchbay links") for key in keys]
        self._token_keys = [_derive(key, b"patchbay tokens") for key in keys]

    def seal(self, secret: Columns) -> bytes | None:
        """Encrypt a secret. Returns None for an empty one, so that its column stays NULL."""
        if not secret:
            return None
        nonce, plain = os.urandom(NONCE), json_text.dumps(secret).encode()
        encrypted = self._ciphers[self._header].encrypt(nonce, plain, self._header)
        return self._header + nonce + encrypted

    def open(self, sealed: bytes | None) -> Row:
        """Decrypt a secret. Raises ``WrongKey``."""
        if sealed is None:
            return {}
        header, nonce = sealed[:HEADER], sealed[HEADER : HEADER + NONCE]
        try:
            if sealed.startswith(_FERNET):
                plain = self._fernet.decrypt(sealed)
            else:
                plain = self._ciphers[header].decrypt(nonce, sealed[HEADER + NONCE :], header)
        except (InvalidToken, InvalidTag, KeyError, ValueError) as error:
            raise WrongKey(
                "SECRET_KEY is not the one the stored secrets were encrypted with: "
                "set it back, or list both as SECRET_KEY=new,old"
            ) from error
        return cast("Row", json_text.loads(plain))

    def sign(self, text: str) -> str:
        """The signature for a link of ours.

        Links outlive a deploy: a new form of signature would break those of calls in progress.
        """
        return hmac.digest(self._link_keys[0], text.encode(), "sha256").hex()

    def is_signed(self, text: str, signature: str) -> bool:
        """Whether one of the keys signed ``text``. Takes the same time for a wrong signature."""
        if SIGNATURE.fullmatch(signature) is None:
            return False
        signed = [hmac.digest(key, text.encode(), "sha256") for key in self._link_keys]
        return any(hmac.compare_digest(bytes.fromhex(signature), each) for each in signed)

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


def to_text(sealed: bytes) -> str:
    """A seal as text, for JSON. A Fernet token is its own."""
    return (sealed if sealed.startswith(_FERNET) else base64.urlsafe_b64encode(sealed)).decode()


def of_text(text: str) -> bytes:
    """The seal that ``to_text`` wrote."""
    sealed = text.encode()
    return sealed if sealed.startswith(_FERNET) else base64.urlsafe_b64decode(sealed)


def _header(key: str) -> bytes:
    """The first bytes of what a key seals: they name the key and do not reveal it."""
    return VERSION + _derive(key, b"patchbay seal id")[: HEADER - len(VERSION)]


def _derive(key: str, purpose: bytes) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return derived.derive(key.encode())


def _derive_text(key: str, purpose: bytes) -> bytes:
    return base64.urlsafe_b64encode(_derive(key, purpose))
