"""The limits of what is dialled."""

from __future__ import annotations

from collections.abc import Iterator

from app.doctor.finding import Finding
from app.domain.context import Context
from app.domain.legs import dial_limit
from app.store import accounts

NEARLY = 0.8
"""Part of a limit of what is dialled that is worth a line."""


def check(context: Context) -> Iterator[Finding]:
    """The limits of what is dialled, and the keys that are close to them."""
    settings = context.settings
    limits = {
        "DIAL_LIMIT_PER_HOUR": settings.dial_limit_per_hour,
        "DIAL_MINUTES_PER_HOUR": settings.dial_minutes_per_hour,
    }
    for name in (name for name, most in limits.items() if not most):
        yield Finding("note", f"{name} is 0: a stolen key may dial without a limit")
    with context.store.read() as conn:
        for key in accounts.list_keys(conn):
            used = dial_limit.used(context, conn, key["id"])
            for name, share in zip(limits, used, strict=True):
                if share >= NEARLY:
                    text = f"API key {key['prefix']}…: {share:.0%} of {name} is used"
                    yield Finding("note", f"{text}; raise it, or revoke the key")
