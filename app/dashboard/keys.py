"""API keys: listed, created (shown once) and revoked; and links for those who only look."""

from __future__ import annotations

from flask import Response, request

from app.dashboard.table import Page, go, page, session
from app.domain.errors import Invalid
from app.domain.login import keys, sessions, tokens
from app.routes.validation import services


def index() -> Response:
    return _shown()


def create() -> Response:
    """The key is in this answer alone."""
    name = request.form.get("name", "").strip()
    try:
        made = keys.create(services().context, session().org_id, name)
    except Invalid as error:
        return _shown(400, problems=error.sentences, name=name)
    return _shown(key=made)


def revoke(key_id: str) -> Response:
    keys.revoke(services().context, session().org_id, key_id)
    return go("/keys", "The key is revoked. It opens nothing from now on.")


def link() -> Response:
    """A link for a screen on the wall, or a colleague: it looks, and opens once."""
    made = tokens.new_link(services().context, session().org_id, sessions.LOOK)
    return _shown(link=made)


def _shown(
    status: int = 200,
    *,
    key: str = "",
    link: str = "",
    problems: list[str] | None = None,
    name: str = "",
) -> Response:
    asked = session()
    return page(
        "keys.html",
        status,
        found=keys.listing(services().context, asked.org_id, asked.key),
        key=key,
        link=link,
        problems=problems or [],
        name=name,
    )


PAGES = (
    Page("/keys", index, for_actors=True),
    Page("/keys", create, methods=("POST",)),
    Page("/keys/link", link, methods=("POST",)),
    Page("/keys/<key_id>/revoke", revoke, methods=("POST",)),
)
