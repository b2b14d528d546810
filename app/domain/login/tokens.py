"""Login tokens: each opens one session, once, soon after it was made."""

from __future__ import annotations

from datetime import timedelta

from app.domain.context import Context
from app.store import login_tokens
from app.store.again import one_transaction
from app.store.vault import digest, new_token

LIFETIME = timedelta(hours=1)


@one_transaction
def new_link(context: Context, org_id: str, role: str) -> str:
    """A link to the login. The token is behind ``#``, so that no log of a proxy has it."""
    token, now = new_token(), context.now()
    with context.store.write() as conn:
        login_tokens.drop_expired(conn, now)
        login_tokens.insert(
            conn,
            {
                "digest": digest(token),
                "org_id": org_id,
                "role": role,
                "created_at": now,
                "expires_at": now + LIFETIME,
            },
        )
    return f"{context.settings.public_url}/dashboard/login#{token}"
