"""For whoever runs it: alive, ready, how much. No key, because nothing of anybody is told."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from app.routes.validation import reply, services
from app.store import metrics, migrate

LATE_SECONDS = 60
"""A job this long overdue is being done by nobody."""

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """This process answers. Nothing else is asked, so a database that is down restarts nobody."""
    return reply({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Response:
    """503 while the database cannot be used, or the process stops, or has no room for sound.

    The last only where sound is all it is for: the API of a process that is full is as good as
    ever. Late jobs are told, and refuse no traffic.
    """
    presence = services().context.presence
    if presence.draining:
        return _unavailable(process="stopping")
    if presence.full and presence.settings.only_media:
        return _unavailable(process="full")
    try:
        store = services().context.store
        current = migrate.is_current(store)
        if not current:
            return _unavailable(database="not migrated to this version")
        with store.read() as conn:
            overdue = metrics.overdue(conn, services().context.now())
    except SQLAlchemyError:
        return _unavailable(database="not reachable")
    jobs = f"late by {overdue:.0f} s" if overdue > LATE_SECONDS else "ok"
    return reply({"status": "ok", "database": "ok", "jobs": jobs})


@blueprint.get("/metrics")
def numbers() -> Response:
    """For Prometheus, in its text format or as OpenMetrics, whichever it accepts."""
    text, content_type = services().metrics.exposition(request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)


def _unavailable(**why: str) -> Response:
    answer = reply({"status": "unavailable", **why}, 503)
    answer.headers["Retry-After"] = "1"
    return answer
