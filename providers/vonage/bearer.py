"""The bearer token of Vonage's webhooks and handshakes: a JWT, read, and held against a secret.

PyJWT signs, and says what a key is. Reading is done here, in a fifth of PyJWT's time and as strictly.
"""

from __future__ import annotations

import hmac
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import NamedTuple

from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError

from providers.common import json_text
from providers.common.json_types import JsonObject
from providers.errors import InvalidSignature, MissingSignature

# Characters; Vonage's own have about 500.
MAX_TOKEN = 4096
ALGORITHM = "HS256"
# base64url -> base64, whose own two signs are no part of base64url.
_STANDARD = bytes.maketrans(b"-_+/", b"+/  ")


class _AnyLengthHmac(HMACAlgorithm):
    """HMAC without a length check: Vonage gave older accounts secrets below 32 bytes."""

    def check_key_length(self, key: bytes) -> None:
        return None


_HMAC = _AnyLengthHmac(HMACAlgorithm.SHA256)
JWS = PyJWS(algorithms=[])
JWS.register_algorithm(ALGORITHM, _HMAC)


class Token(NamedTuple):
    """A JWT taken apart, unverified. ``signed`` is the part of it that ``signature`` covers."""

    header: JsonObject
    claims: JsonObject
    signed: bytes
    signature: bytes


def encode(claims: bytes, secret: str) -> str:
    """The token of these claims, which are JSON."""
    return JWS.encode(claims, secret, algorithm=ALGORITHM)


def read(header: str | None) -> Token:
    """Take the token of an ``Authorization`` header apart.

    Raises ``MissingSignature`` without a header, and ``InvalidSignature`` without a JWT in it.
    """
    return take_apart(_bearer(header))


def take_apart(token: str) -> Token:
    """Take a token apart. Raises ``InvalidSignature`` for what is not a JWT."""
    try:
        signed, signature = token.encode().rsplit(b".", 1)
        head, payload = map(_decoded, signed.split(b".", 1))
        header, claims = json_text.loads(head), json_text.loads(payload)
        read = Token(header, claims, signed, _decoded(signature))
    except (ValueError, RecursionError) as error:
        raise InvalidSignature("Vonage: the token is not a JWT") from error
    if not isinstance(header, dict) or not _is_plain(header):
        raise InvalidSignature("Vonage: the token's header is not one of a plain JWT")
    if not isinstance(claims, dict):
        raise InvalidSignature("Vonage: the token's claims are not an object")
    return read


def holds(token: Token, secret: str) -> bool:
    """Whether this secret signed the token."""
    key = _hmac_key(secret)
    if key is None or token.header.get("alg") != ALGORITHM:
        return False
    return hmac.compare_digest(token.signature, hmac.digest(key, token.signed, "sha256"))


def _bearer(header: str | None) -> str:
    if header is None:
        raise MissingSignature("Vonage: no Authorization header; are signed webhooks switched on?")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN or not token.isascii():
        raise InvalidSignature("Vonage: the Authorization header is not one bearer token")
    return token


@lru_cache(maxsize=256)
def _hmac_key(secret: str) -> bytes | None:
    """The secret's bytes; None for a public key, with which anyone could sign."""
    try:
        return _HMAC.prepare_key(secret)
    except InvalidKeyError:
        return None


def _is_plain(header: JsonObject) -> bool:
    """Whether nothing in the header changes what is signed, or how.

    https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
    https://www.rfc-editor.org/rfc/rfc7797#section-3
    """
    named = isinstance(header.get("kid", ""), str)
    return named and "crit" not in header and header.get("b64", True) is not False


def _decoded(part: bytes) -> bytes:
    """Decode base64url, with or without its padding. Raises ``ValueError``.

    Takes only the canonical spelling of a value, so no character outside the alphabet.
    """
    bare = part.rstrip(b"=")
    padding = b"=" * (-len(bare) % 4)
    if part not in (bare, bare + padding):
        raise ValueError("wrong padding")
    standard = (bare + padding).translate(_STANDARD)
    value = a2b_base64(standard)
    if b2a_base64(value, newline=False) != standard:
        raise ValueError("not the canonical spelling")
    return value
