"""Rows other rows hang on, with as little in them as the tables allow."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection

from app.store import accounts, calls
from app.store.schema import call_tokens
from providers.events import CallEvent, EventKind

START = datetime(2024, 9, 10, 11, 14, 12, 339456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def times(age: float = 0) -> dict[str, datetime]:
    return {"created_at": at(age), "updated_at": at(age)}


def fernet_token(secret_key: str, secret: Mapping[str, Any]) -> bytes:
    """A secret as the first versions encrypted it."""
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"patchbay store")
    key = base64.urlsafe_b64encode(derived.derive(secret_key.encode()))
    return Fernet(key).encrypt(json.dumps(secret).encode())


def add_org(conn: Connection, id: str | None = None, **columns: Any) -> str:
    id = id or str(uuid4())
    row = {"id": id, "name": id, "server_url": None, "secret": None, **times()}
    accounts.put_org(conn, row | columns)
    return id


def key_row(org_id: str, id: str | None = None, **columns: Any) -> dict[str, Any]:
    id = id or str(uuid4())
    row = {"id": id, "org_id": org_id, "name": id, "prefix": id[:16], "digest": f"digest of {id}"}
    return row | {"created_at": START, "revoked_at": None} | columns


def add_key(conn: Connection, org_id: str, id: str | None = None) -> str:
    row = key_row(org_id, id)
    assert accounts.insert_key(conn, row)
    return str(row["id"])


def credential_row(org_id: str, id: str, age: float = 0, **columns: Any) -> dict[str, Any]:
    row = {"id": id, "org_id": org_id, "provider": "carrier", "account_ref": "account"}
    return row | {"body": {}, "secret": None, "managed": False, **times(age)} | columns


def number_row(org_id: str, id: str, age: float = 0, **columns: Any) -> dict[str, Any]:
    row = {"id": id, "org_id": org_id, "provider": "carrier", "number": "+14155550100"}
    row |= {"credential_id": "c", "assistant_id": None, "body": {}, "secret": None}
    return row | times(age) | columns


def add_call(conn: Connection, org_id: str, id: str | None = None, **columns: Any) -> str:
    id = id or str(uuid4())
    row = {"id": id, "org_id": org_id, "type": "inboundPhoneCall", "provider": "carrier"}
    row |= {"status": "queued", "bypass": True, "max_duration": 600, "body": {}, "resolved": {}}
    calls.insert(conn, row | times() | columns)
    return id


def add_token(conn: Connection, call_id: str, digest: str, **columns: Any) -> None:
    row = {"digest": digest, "call_id": call_id, "purpose": "media", "data": None}
    row |= {"created_at": START, "expires_at": None, "used_at": None}
    conn.execute(call_tokens.insert(), row | columns)


def event(kind: EventKind, key: str = "a", **fields: Any) -> CallEvent:
    return CallEvent(**{"kind": kind, "at": START, "key": key, **fields})
