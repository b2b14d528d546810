"""``SERVER_URL``: whether a server answers there. A GET is no server message, so it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from app.doctor.finding import Finding
from app.domain.context import Context
from app.net.addresses import is_same_server
from app.net.http import SendError, get

SECONDS = 5.0


def check(context: Context) -> Iterator[Finding]:
    """Any answer below 500 is one: a server that takes messages may refuse a GET."""
    url, private = context.settings.server_url, context.settings.allow_private_server_urls
    if url is None:
        return
    label = f"SERVER_URL at {urlsplit(url).hostname}"  # its query may hold a secret
    if is_same_server(url, context.settings.public_url):
        yield Finding("error", f"{label}: this is PUBLIC_URL; name your own server")
        return
    try:
        status = get(url, {}, SECONDS, private).status
    except SendError as error:
        yield Finding("error", f"{label}: {error}; server messages cannot be delivered")
        return
    if status >= 500:
        yield Finding("note", f"{label}: answers {status} to a GET; is it well?")
    else:
        yield Finding("ok", f"{label}: answers")
