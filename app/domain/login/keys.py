"""API keys of one organisation: listed, created and revoked. Only digests are stored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain.context import Context, iso
from app.domain.errors import Conflict, Invalid, NotFound
from app.store import accounts
from app.store.again import one_transaction
from app.store.ids import new_id
from app.store.vault import digest, new_token

FROM_SETTING = "API_KEY"
"""Name of the key that the setting API_KEY holds. A start revokes others of this name."""
PREFIX = 8
"""Characters of a key that are stored in clear, so that a list tells keys apart."""
MOST_NAME = 40


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a list. Times are as the API writes them; ``revoked_at`` may be empty."""

    id: str
    name: str
    prefix: str
    created_at: str
    revoked_at: str
    is_setting: bool
    """The environment has it, so the next start would bring it back under a new value only."""
    is_yours: bool
    """It opened the session that asks."""


def listing(context: Context, org_id: str, session_key: str = "") -> list[KeyRow]:
    """All keys, those in force first. ``session_key``: the digest of the session's own."""
    with context.store.read() as conn:
        rows = accounts.org_keys(conn, org_id)
    found = [
        KeyRow(
            row["id"],
            row["name"],
            row["prefix"],
            iso(row["created_at"]) or "",
            iso(row["revoked_at"]) or "",
            _is_setting(context, row["digest"]),
            bool(session_key) and row["digest"] == session_key,
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: bool(row.revoked_at))


@one_transaction
def create(context: Context, org_id: str, name: str) -> str:
    """A new key, to be shown once. Raises ``Invalid`` for its name."""
    problem = _name_problem(name)
    if problem:
        raise Invalid(f"name {problem}")
    key = new_token()
    with context.store.write() as conn:
        add(context, conn, org_id, key, name)
    return key


@one_transaction
def revoke(context: Context, org_id: str, key_id: str) -> None:
    """Raises ``NotFound``; ``Conflict`` for the setting's key, which the setting replaces."""
    with context.store.write() as conn:
        rows = accounts.org_keys(conn, org_id)
        row = next((each for each in rows if each["id"] == key_id), None)
        if row is None or row["revoked_at"] is not None:
            raise NotFound("API Key", key_id)
        if _is_setting(context, row["digest"]):
            raise Conflict("This key is in the setting API_KEY: change the setting, and restart.")
        accounts.revoke_key(conn, key_id, context.now())


def add(context: Context, conn: Connection, org_id: str, key: str, name: str) -> None:
    """Store a key. The same key twice is one row."""
    accounts.insert_key(
        conn,
        {
            "id": new_id(),
            "org_id": org_id,
            "name": name,
            "prefix": key[:PREFIX],
            "digest": digest(key),
            "created_at": context.now(),
            "revoked_at": None,
        },
    )


def _is_setting(context: Context, hashed: str) -> bool:
    key = context.settings.api_key
    return bool(key) and digest(key or "") == hashed


def _name_problem(name: str) -> str | None:
    if not name:
        return "should not be empty"
    if len(name) > MOST_NAME:
        return f"must be at most {MOST_NAME} characters"
    if not name.isprintable():
        return "must be one line of printable characters"
    return f"{FROM_SETTING} is of the setting's key" if name == FROM_SETTING else None
