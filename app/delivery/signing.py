"""Signatures of what we send, as Standard Webhooks writes them: HMAC-SHA256 of id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def headers(message_id: str, timestamp: int, body: bytes, secret: str | None) -> dict[str, str]:
    """``webhook-*`` of one attempt. ``timestamp``: seconds since 1970, of the attempt.

    The id is the same over all attempts, so that the receiver can tell a repetition.
    Without a secret nothing is signed.
    """
    stamp = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if not secret:
        return stamp
    return {**stamp, "webhook-signature": sign(message_id, timestamp, body, secret)}


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """``v1,`` and the MAC in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def key_of(secret: str) -> bytes:
    """``whsec_`` and base64 (padding optional) are a key; any other secret is one as it stands."""
    if secret.startswith(PREFIX):
        encoded = secret.removeprefix(PREFIX)
        try:
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
