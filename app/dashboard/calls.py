"""The list of calls: live ones, a search, and its export."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.wsgi import wrap_file

from app.dashboard import export
from app.dashboard.table import PREFIX, Page, page, session
from app.domain.dashboard import rows
from app.domain.dashboard.search import Search, filters, search_of
from app.domain.reporting.ended_texts import told
from app.routes.errors import ApiError
from app.routes.validation import services
from providers.events import CallStatus, EndedReason

REASONS = [(str(reason), found.sentence) for reason in EndedReason if (found := told(reason))]


def index() -> Response:
    context, org_id = services().context, session().org_id
    search = search_of(request.args)
    found = rows.page(context, org_id, filters(context, org_id, search))
    return page(
        "calls.html",
        search=search,
        found=found,
        live=rows.live(context, org_id),
        statuses=[str(status) for status in CallStatus],
        reasons=REASONS,
        links=_links(search, found.pages),
        exports={kind: f"{PREFIX}/calls.{kind}?{_query(search)}" for kind in export.KINDS},
        most=rows.MOST_EXPORTED,
    )


def live() -> Response:
    """The live calls alone, for a page that is open."""
    return page("live_calls.html", live=rows.live(services().context, session().org_id))


def exported(kind: str) -> Response:
    """The calls that the search finds, as a file."""
    if kind not in export.KINDS:
        raise ApiError(404, "There is no such form of an export.")
    context, org_id = services().context, session().org_id
    wanted = filters(context, org_id, replace(search_of(request.args), page=1))
    file = export.write(rows.newest(context, org_id, wanted), kind)
    size = file.seek(0, 2)
    file.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="calls.{kind}"',
        "Content-Length": str(size),
    }
    body = wrap_file(request.environ, file)
    return Response(body, 200, headers, mimetype=export.KINDS[kind], direct_passthrough=True)


def _links(search: Search, pages: int) -> dict[str, str]:
    """To the page before and the page after, where there is one."""
    numbers = {"before": search.page - 1, "after": search.page + 1}
    return {
        word: f"{PREFIX}/calls?{_query(replace(search, page=number))}"
        for word, number in numbers.items()
        if 1 <= number <= pages
    }


def _query(search: Search) -> str:
    fields = {
        "q": search.text,
        "status": search.status,
        "reason": search.reason,
        "since": search.since,
        "until": search.until,
        "assistant": search.assistant,
        "page": "" if search.page == 1 else str(search.page),
    }
    return urlencode({name: value for name, value in fields.items() if value})


PAGES = (
    Page("/calls", index, nav="Calls"),
    Page("/calls/live", live),
    Page("/calls.<kind>", exported),
)
