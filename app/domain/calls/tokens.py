"""The tokens in the URLs of a document, and how a token leads to its call.

A token is derived from the call and the request that its document answers. So a document writes no
row, and a repeated request gets the same tokens. A media socket writes the row of its token when it
uses it, which it may do once.

A token is the URL-safe base64 of three parts:

1. its facts, by purpose: ``LENGTHS`` has their length,
2. the 16 bytes of the call's id,
3. the first 16 bytes of a MAC by SECRET_KEY. It covers the purpose and both parts before.

The facts of a media token are the name of its stream, which is not secret: 24 characters. The name
has a nonce, the expiry, and a short MAC of its own. So a name without its token proves its call.

The version before had random tokens. The digests of these are rows.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from app.domain.calls import record
from app.domain.calls.record import Call
from app.domain.ids import uuid_of
from app.store import calls
from app.store.vault import Vault, digest


class Purpose(StrEnum):
    """What a MAC is for. A token of one purpose is none of another."""

    MEDIA = "media"
    """Open a media socket, once."""
    CALLBACK = "callback"
    """Identify the call of a webhook, as long as the call is stored."""
    FORWARD = "forward"
    """The same, for the webhooks of one forward. Its facts are the forward's id."""
    OPERATOR = "operator"
    """Open the media socket on the leg of a forward's operator, once."""
    STREAM = "stream"
    """The short MAC in the name of a stream."""


UPSTREAM = "upstream"
"""Purpose of a row that is no token: a message of an upstream that has asked for something."""
NONCE, EXPIRY, NAME_MAC, CALL, MAC = 6, 4, 8, 16, 16
_NAME = NONCE + EXPIRY + NAME_MAC
LENGTHS = {
    Purpose.MEDIA: _NAME,
    Purpose.CALLBACK: NONCE,
    Purpose.FORWARD: 16,
    Purpose.OPERATOR: _NAME,
}


class DocumentTokens(NamedTuple):
    """A media token, for one use, and a callback token, for the whole call."""

    media: str
    callback: str


@dataclass(frozen=True, slots=True)
class MediaToken:
    """A media token with its call. It may have expired, and it may be used."""

    text: str
    call: Call
    expires_at: datetime
    used: bool
    purpose: Purpose = Purpose.MEDIA


def document_tokens(
    vault: Vault, call_id: str, request: str, expires_at: datetime
) -> DocumentTokens:
    """The tokens of the document that answers ``request``; the same for the same arguments."""
    nonce = hashlib.sha256(f"{call_id} {request}".encode()).digest()[:NONCE]
    return DocumentTokens(
        media=write(vault, Purpose.MEDIA, stream_name(vault, nonce, expires_at, call_id), call_id),
        callback=write(vault, Purpose.CALLBACK, nonce, call_id),
    )


def forward_token(vault: Vault, call_id: str, forward_id: str) -> str:
    """A callback token that also identifies the forward."""
    return write(vault, Purpose.FORWARD, UUID(forward_id).bytes, call_id)


def operator_token(vault: Vault, call_id: str, forward_id: str, expires_at: datetime) -> str:
    """The token of the media socket on the operator's leg; the same for the same arguments."""
    name = stream_name(vault, _nonce_of(forward_id), expires_at, call_id)
    return write(vault, Purpose.OPERATOR, name, call_id)


def _nonce_of(forward_id: str) -> bytes:
    """The end of a forward's id, which is random."""
    return UUID(forward_id).bytes[-NONCE:]


# ------------------------------------------------------------------ look up


def find_call(vault: Vault, conn: Connection, token: str, *, lock: bool = False) -> Call | None:
    """The call of a webhook's token. The token of a forward sets ``token_data``.

    ``lock``: to append to its events, which are read along.
    """
    for purpose in (Purpose.CALLBACK, Purpose.FORWARD):
        if found := read(vault, purpose, token):
            facts, call_id = found
            call = record.get(conn, call_id, lock=lock, log=lock)
            if call is not None and purpose is Purpose.FORWARD:
                call.token_data = {"forward": uuid_of(facts)}
            return call
    return record.find_by_token(conn, digest(token), Purpose.CALLBACK, lock=lock)


def find_media(vault: Vault, conn: Connection, token: str) -> MediaToken | None:
    return _find_named(vault, conn, token, Purpose.MEDIA) or _find_random(conn, token)


def find_operators(vault: Vault, conn: Connection, token: str) -> MediaToken | None:
    """The same for the token of an operator's media socket, of the call's newest forward."""
    found = _find_named(vault, conn, token, Purpose.OPERATOR)
    forward = found.call.facts.forward if found else None
    if found is None or forward is None:
        return None
    return found if _decoded(token)[:NONCE] == _nonce_of(forward.id) else None


def is_operators(vault: Vault, token: str) -> bool:
    """Whether it is the token of an operator's media socket."""
    return read(vault, Purpose.OPERATOR, token) is not None


def _find_named(vault: Vault, conn: Connection, token: str, purpose: Purpose) -> MediaToken | None:
    found = read(vault, purpose, token)
    if found is None:
        return None
    name, call_id = found
    call = record.get(conn, call_id)
    if call is None:
        return None
    seconds = int.from_bytes(name[NONCE : NONCE + EXPIRY], "big")
    used = calls.is_token_used(conn, digest(token))
    return MediaToken(token, call, datetime.fromtimestamp(seconds, UTC), used, purpose)


def _find_random(conn: Connection, token: str) -> MediaToken | None:
    row = calls.find_by_token(conn, digest(token), Purpose.MEDIA)
    if row is None:
        return None
    used = row["token_used_at"] is not None
    return MediaToken(token, record.load(row), row["token_expires_at"], used)


def use(conn: Connection, media: MediaToken, at: datetime) -> bool:
    """Use a media token. Of several attempts at once exactly one returns True."""
    row = {
        "digest": digest(media.text),
        "call_id": media.call.id,
        "purpose": media.purpose,
        "created_at": at,
        "expires_at": media.expires_at,
        "used_at": at,
    }
    return calls.use_token(conn, row)


def use_message(conn: Connection, call_id: str, raw: bytes, at: datetime) -> bool:
    """Use a message of a call's upstream. False: it came before.

    Only its digest is kept, with the call.
    """
    text = hashlib.sha256(call_id.encode() + raw).hexdigest()
    row = {
        "digest": text,
        "call_id": call_id,
        "purpose": UPSTREAM,
        "created_at": at,
        "expires_at": at,
        "used_at": at,
    }
    return calls.use_token(conn, row)


def is_stream(vault: Vault, conn: Connection, call_id: str, name: str) -> bool:
    """Whether this stream belongs to this call."""
    return is_name(vault, name, call_id) or calls.has_stream(conn, call_id, name)


# ------------------------------------------------------------------ the form


def write(vault: Vault, purpose: Purpose, facts: bytes, call_id: str) -> str:
    call = bytes.fromhex(call_id.replace("-", ""))
    data = facts + call + vault.mac(purpose, facts + call)[:MAC]
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(vault: Vault, purpose: Purpose, token: str) -> tuple[bytes, str] | None:
    """A token's facts and call id. None for all that is not a token of ours for this purpose."""
    data, length = _decoded(token), LENGTHS[purpose]
    if len(data) != length + CALL + MAC or not vault.has_mac(purpose, data[:-MAC], data[-MAC:]):
        return None
    return data[:length], uuid_of(data[length:-MAC])


def stream_name(vault: Vault, nonce: bytes, expires_at: datetime, call_id: str) -> bytes:
    facts = nonce + int(expires_at.timestamp()).to_bytes(EXPIRY, "big")
    return (
        facts
        + vault.mac(Purpose.STREAM, facts + bytes.fromhex(call_id.replace("-", "")))[:NAME_MAC]
    )


def is_name(vault: Vault, name: str, call_id: str) -> bool:
    """Whether ``stream_name`` made it for this call."""
    data = _decoded(name)
    if len(data) != LENGTHS[Purpose.MEDIA]:
        return False
    facts, mac = data[:-NAME_MAC], data[-NAME_MAC:]
    return vault.has_mac(Purpose.STREAM, facts + bytes.fromhex(call_id.replace("-", "")), mac)


def _decoded(text: str) -> bytes:
    """Empty for another form of the same bytes: a token has one form, so that it is used once.

    Python's decoder skips foreign characters and ignores the spare bits of the last one.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    return data if base64.urlsafe_b64encode(data).rstrip(b"=") == text.encode() else b""
