"""Signs messages as Standard Webhooks does: HMAC-SHA256 of id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def headers(message_id: str, timestamp: int, body: bytes, secret: str | None) -> dict[str, str]:
    """The ``webhook-*`` headers of one attempt. ``timestamp``: seconds since 1970, of the attempt.

    The id is the same in all attempts, so that the receiver can recognise a repetition. Without a
    secret there is no signature.
    """
    stamp = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if not secret:
        return stamp
    return {**stamp, "webhook-signature": sign(message_id, timestamp, body, secret)}


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """The signature: ``v1,`` and the MAC in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def key_of(secret: str) -> bytes:
    """The key of a secret: ``whsec_`` and base64 (padding optional), or the secret's own bytes."""
    if secret.startswith(PREFIX):
        encoded = secret.removeprefix(PREFIX)
        try:
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
