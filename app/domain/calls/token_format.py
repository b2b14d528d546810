"""The form of a token: facts, the call's id, and a MAC. No I/O.

Each token is the URL-safe base64 of three parts:

1. its facts, by purpose: ``LENGTHS`` has their length,
2. the 16 bytes of the call's id,
3. the first 16 bytes of a MAC by a key from SECRET_KEY. It covers the purpose and both parts before.

The facts of a media token are the name of its stream, which is not secret: 24 characters. The name
has a nonce, the expiry, and a short MAC of its own. So a name without its token still proves its
call.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from app.store.vault import Vault

NONCE, EXPIRY, NAME_MAC = 6, 4, 8
CALL, MAC = 16, 16


class Purpose(StrEnum):
    """What a token is for. A token of one purpose is none of another."""

    MEDIA = "media"
    CALLBACK = "callback"
    FORWARD = "forward"
    STREAM = "stream"
    """The short MAC in a stream's name."""


LENGTHS = {Purpose.MEDIA: NONCE + EXPIRY + NAME_MAC, Purpose.CALLBACK: NONCE, Purpose.FORWARD: 16}


def write(vault: Vault, purpose: Purpose, facts: bytes, call_id: str) -> str:
    call = UUID(call_id).bytes
    return _encoded(facts + call + next(_macs(vault, purpose, facts, call))[:MAC])


def read(vault: Vault, purpose: Purpose, token: str) -> tuple[bytes, str] | None:
    """A token's facts and call id. None for all that is not a token of ours for this purpose."""
    data, length = _decoded(token), LENGTHS[purpose]
    if data is None or len(data) != length + CALL + MAC:
        return None
    facts, call, mac = data[:length], data[length:-MAC], data[-MAC:]
    if not _is_any(mac, _macs(vault, purpose, facts, call)):
        return None
    return facts, str(UUID(bytes=call))


def stream(vault: Vault, nonce: bytes, expires_at: datetime, call_id: str) -> bytes:
    """A stream's name: the facts of its media token."""
    facts = nonce + int(expires_at.timestamp()).to_bytes(EXPIRY, "big")
    mac = next(_macs(vault, Purpose.STREAM, facts, UUID(call_id).bytes))
    return facts + mac[:NAME_MAC]


def expiry(name: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(name[NONCE : NONCE + EXPIRY], "big"), UTC)


def is_stream(vault: Vault, name: str, call_id: str) -> bool:
    """Whether the name is of this form, and of a stream of this call."""
    data = _decoded(name)
    if data is None or len(data) != LENGTHS[Purpose.MEDIA]:
        return False
    facts, mac = data[:-NAME_MAC], data[-NAME_MAC:]
    return _is_any(mac, _macs(vault, Purpose.STREAM, facts, UUID(call_id).bytes))


def _macs(vault: Vault, purpose: Purpose, facts: bytes, call: bytes) -> Iterator[bytes]:
    """The MAC by each key, the signing key's first."""
    return vault.macs(b"\0".join((purpose.encode(), facts + call)))


def _is_any(mac: bytes, macs: Iterator[bytes]) -> bool:
    return any(hmac.compare_digest(mac, each[: len(mac)]) for each in macs)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    """None unless ``_encoded`` makes the same text: one token has one form.

    Python's decoder skips foreign characters and ignores the spare bits of the last one.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if _encoded(data) == text else None
