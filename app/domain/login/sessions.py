"""Sessions of the dashboard: sealed in a cookie, so that every process can open them.

A session made with an API key ends when the key is revoked: each request looks the key up.
"""

from __future__ import annotations

import binascii
import secrets
from dataclasses import asdict, dataclass, field

from app.domain.context import Context
from app.store import accounts
from app.store.vault import WrongKey, of_text, to_text
from providers.common.json_types import JsonDict

ACT, LOOK = "act", "look"
SECONDS = {ACT: 12 * 3600, LOOK: 30 * 24 * 3600}
"""How long a session lasts, by its role. A screen on the wall only looks, for a month."""


@dataclass(frozen=True, slots=True)
class Session:
    """``key`` is the digest of the API key that opened it; empty: a login token did."""

    org_id: str
    role: str
    until: float
    key: str = ""
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def may_act(self) -> bool:
        return self.role == ACT


def begin(context: Context, org_id: str, role: str, key: str = "") -> Session:
    return Session(org_id, role, context.now().timestamp() + SECONDS[role], key)


def sealed(context: Context, session: Session) -> str:
    return seal(context, "session", asdict(session))


def opened(context: Context, text: str | None) -> Session | None:
    """The session of a cookie's text. None when it is over, broken, or its key is revoked."""
    try:
        found = Session(**unseal(context, "session", text))
    except TypeError:  # none, or one of another version
        return None
    if found.until <= context.now().timestamp():
        return None
    if found.key:
        with context.store.read() as conn:
            if accounts.find_key(conn, found.key) is None:
                return None
    return found


def seal(context: Context, purpose: str, values: JsonDict) -> str:
    """A cookie's text. It opens for the same purpose only."""
    return to_text(context.vault.seal({"purpose": purpose, "values": values}) or b"")


def unseal(context: Context, purpose: str, text: str | None) -> JsonDict:
    """The sealed values; empty for a text that this deployment did not seal for the purpose."""
    try:
        found = context.vault.open(of_text(text)) if text else {}
    except (WrongKey, binascii.Error, ValueError):
        return {}
    return dict(found["values"]) if found.get("purpose") == purpose else {}
