"""Makes a session for an API key, or for a login token that was not used yet."""

from __future__ import annotations

from app.domain.context import Context
from app.domain.login import sessions
from app.domain.login.sessions import ACT, Session
from app.store import accounts, login_tokens
from app.store.again import one_transaction
from app.store.vault import digest


@one_transaction
def enter(context: Context, secret: str) -> Session | None:
    """None for a secret that opens nothing."""
    if not secret:
        return None
    hashed = digest(secret)
    with context.store.read() as conn:
        key = accounts.find_key(conn, hashed)
    if key is not None:
        return sessions.begin(context, key.org_id, ACT, hashed)
    with context.store.write() as conn:
        token = login_tokens.use(conn, hashed, context.now())
    return sessions.begin(context, token["org_id"], token["role"]) if token else None
