"""The list of assistants, their copies, and their end."""

from __future__ import annotations

from flask import Response, request

from app.dashboard.table import PREFIX, Page, go, page, session
from app.domain.dashboard.assistants import changes, check, rows
from app.routes.validation import services

MOST_SEARCH = 255


def index() -> Response:
    number, search = request.args.get("page", "1"), request.args.get("q", "").strip()[:MOST_SEARCH]
    wanted = int(number) if number.isdecimal() and len(number) < 6 else 1
    found = rows.page(services().context, session().org_id, max(1, wanted), search)
    return page("assistants.html", found=found, search=search)


def duplicate(assistant_id: str) -> Response:
    made = changes.duplicate(services().context, session().org_id, assistant_id)
    return go(f"/assistants/{made}", "This is the copy. Give it a name of its own.")


def deletion(assistant_id: str) -> Response:
    """Asks first, and says what uses the assistant."""
    context, org_id = services().context, session().org_id
    found = check.stored(context, org_id, assistant_id)
    return page(
        "assistant_delete.html",
        id=found.id,
        name=found.public.get("name") or found.id,
        used_by=changes.used_by(context, org_id, found.id),
        cancel=f"{PREFIX}/assistants/{found.id}",
    )


def delete(assistant_id: str) -> Response:
    gone = services().resources.assistants.delete(session().org_id, assistant_id)
    return go("/assistants", f"{gone.get('name') or 'The assistant'} was deleted.")


PAGES = (
    Page("/assistants", index, nav="Assistants"),
    Page("/assistants/<assistant_id>/duplicate", duplicate, methods=("POST",)),
    Page("/assistants/<assistant_id>/delete", deletion),
    Page("/assistants/<assistant_id>/delete", delete, methods=("POST",)),
)
