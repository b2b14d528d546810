"""The tokens in the URLs of a document, and how a token leads to its call.

A token is derived from the call and the request that its document answers: see
``token_format.py``. So a document writes no row, and the answer to a repeated request is the same.
A row is written when a media socket uses its token, which it may do once.

The version before had random tokens. The digests of these are rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from app.domain.calls import record, token_format
from app.domain.calls.record import Call
from app.domain.calls.token_format import NONCE, Purpose
from app.store import calls
from app.store.vault import Vault, digest


@dataclass(frozen=True, slots=True)
class DocumentTokens:
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


def document_tokens(
    vault: Vault, call_id: str, request: str, expires_at: datetime
) -> DocumentTokens:
    """The tokens of the document that answers ``request``; the same for the same arguments."""
    nonce = _nonce(call_id, request)
    name = token_format.stream(vault, nonce, expires_at, call_id)
    return DocumentTokens(
        media=token_format.write(vault, Purpose.MEDIA, name, call_id),
        callback=token_format.write(vault, Purpose.CALLBACK, nonce, call_id),
    )


def callback_token(vault: Vault, call_id: str, request: str) -> str:
    """A callback token for a URL that is in no document."""
    return token_format.write(vault, Purpose.CALLBACK, _nonce(call_id, request), call_id)


def forward_token(vault: Vault, call_id: str, forward_id: str) -> str:
    """A callback token that also identifies the forward."""
    return token_format.write(vault, Purpose.FORWARD, UUID(forward_id).bytes, call_id)


def find_call(vault: Vault, conn: Connection, token: str, *, lock: bool = False) -> Call | None:
    """The call of a webhook's token. A forward's token sets ``token_data``."""
    if found := token_format.read(vault, Purpose.CALLBACK, token):
        return record.get(conn, found[1], lock=lock)
    if found := token_format.read(vault, Purpose.FORWARD, token):
        call = record.get(conn, found[1], lock=lock)
        if call is not None:
            call.token_data = {"forward": str(UUID(bytes=found[0]))}
        return call
    return record.find_by_token(conn, digest(token), Purpose.CALLBACK, lock=lock)


def find_media(vault: Vault, conn: Connection, token: str) -> MediaToken | None:
    found = token_format.read(vault, Purpose.MEDIA, token)
    if found is None:
        return _find_stored(conn, token)
    name, call_id = found
    call = record.get(conn, call_id)
    if call is None:
        return None
    used = calls.is_token_used(conn, digest(token))
    return MediaToken(token, call, token_format.expiry(name), used)


def use(conn: Connection, media: MediaToken, at: datetime) -> bool:
    """Use a media token. Of several attempts at once exactly one returns True."""
    row = {
        "digest": digest(media.text),
        "call_id": media.call.id,
        "purpose": Purpose.MEDIA,
        "created_at": at,
        "expires_at": media.expires_at,
        "used_at": at,
    }
    return calls.use_token(conn, row)


def is_stream(vault: Vault, conn: Connection, call_id: str, name: str) -> bool:
    """Whether this stream belongs to this call."""
    return token_format.is_stream(vault, name, call_id) or calls.has_stream(conn, call_id, name)


def _find_stored(conn: Connection, token: str) -> MediaToken | None:
    """A random token, of a call that the version before created."""
    row = calls.find_by_token(conn, digest(token), Purpose.MEDIA)
    if row is None:
        return None
    used = row["token_used_at"] is not None
    return MediaToken(token, record.load(row), row["token_expires_at"], used)


def _nonce(call_id: str, request: str) -> bytes:
    return hashlib.sha256(f"{call_id} {request}".encode()).digest()[:NONCE]
