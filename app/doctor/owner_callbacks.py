"""Where the owner's callbacks are passed on to. Nothing is sent: that would be a callback."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.doctor.finding import Finding
from app.domain.context import Context
from app.domain.legs.owner_callbacks import FIELD
from app.net.addresses import BadURL, is_same_server
from app.store.schema import orgs, phone_numbers


def check(context: Context) -> Iterator[Finding]:
    """A line for each URL: one that cannot be called, one without TLS, and our own."""
    for label, url in _urls(context):
        yield _judged(context, label, url)


def _judged(context: Context, label: str, url: str) -> Finding:
    parts = urlsplit(url)
    label = f"{label} at {parts.hostname}"  # its query may hold a secret
    if is_same_server(url, context.settings.public_url):
        return Finding("error", f"{label}: this is PUBLIC_URL; name your own server")
    try:
        context.addresses(url)
    except BadURL as error:
        return Finding("error", f"{label}: {error}; callbacks cannot be passed on")
    if parts.scheme != "https":
        text = "without https the carrier's signature and the numbers can be read on the way"
        return Finding("note", f"{label}: {text}")
    return Finding("ok", f"{label}: may be called")


def _urls(context: Context) -> Iterator[tuple[str, str]]:
    with context.store.read() as conn:
        defaults = conn.execute(
            sa.select(orgs.c.owner_callback_url).where(orgs.c.owner_callback_url.is_not(None))
        )
        numbers = conn.execute(sa.select(phone_numbers.c.number, phone_numbers.c.body))
        found = [("OWNER_CALLBACK_URL", str(url)) for url in defaults.scalars()]
        for row in numbers:
            if url := row.body.get(FIELD):
                found.append((f"{FIELD} of {row.number}", url))
    yield from found
