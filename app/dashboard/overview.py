"""The first page: how the last days went, and what needs a hand now."""

from __future__ import annotations

from flask import Response, request

from app.dashboard import first_steps
from app.dashboard.charts import bars
from app.dashboard.table import Page, go, page, session
from app.domain.dashboard import rows
from app.domain.dashboard.overview import DAYS, KeptGroups, overview_of
from app.domain.reporting.ended_texts import told
from app.routes.lean_flask import current_app
from app.routes.validation import services

KEPT = "dashboard overviews"
MOST = 100
"""Messages that the page lists, and one press of its button sends again."""


def index() -> Response:
    if first_steps.are_due():
        return go("/first-steps")
    org_id = session().org_id
    asked = request.args.get("days", "")
    days = int(asked) if asked in {str(each) for each in DAYS} else DAYS[0]
    found = overview_of(services().context, kept(), org_id, days)
    spans = found.hours if days == 1 else found.by_day
    form = "%H:00" if days == 1 else "%d %b"
    labels = [span.since.strftime(form) for span in spans]
    outcomes = [(label, span.counts) for label, span in zip(labels, spans, strict=True)]
    costs = [(span.since.strftime("%d %b"), {"cost": span.cost}) for span in found.by_day]
    return page(
        "overview.html",
        found=found,
        choices=DAYS,
        spans=list(zip(labels, spans, strict=True)),
        outcomes=bars(outcomes),
        costs=bars(costs),
        reasons=[(reason, told(reason), count) for reason, count in found.reasons],
        live=rows.live(services().context, org_id),
    )


def kept() -> KeptGroups:
    """Of this application."""
    found: KeptGroups = current_app().extensions.setdefault(KEPT, KeptGroups())
    return found


def messages() -> Response:
    """The failed server messages of all calls."""
    failed = services().messages.failed(session().org_id, MOST)
    return page("messages.html", failed=failed, most=MOST)


def resend() -> Response:
    done = services().messages.resend_oldest(session().org_id, MOST)
    return go("/messages", f"{done['resent']} messages are sent again.")


PAGES = (
    Page("/", index, nav="Overview"),
    Page("/messages", messages),
    Page("/messages/resend", resend, methods=("POST",)),
)
