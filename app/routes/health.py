"""Health and metrics for the operator. The pages tell nothing of a call.

They need no key, unless a setting protects the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from app import deadline
from app.routes.auth import require_key, require_token
from app.routes.validation import reply, services
from app.store import metrics, migrate
from app.store.faults import sentence
from app.store.outage import Outage

# A job this long overdue shows that no process runs jobs.
LATE_SECONDS = 60
# What the probe waits for the database, at most.
STORE_SECONDS = 2.0

# Needs neither the store nor a lock, so the web server answers it without a thread.
AT_ONCE = {"/healthz"}
READY = "/readyz"
# First segments of the other paths here: they are answered under any load.
PROBES = {"readyz", "metrics"}

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Alive: this process answers.

    The database is not asked, so its failure restarts no process.
    """
    return reply({"status": "ok"})


@blueprint.get(READY)
def ready() -> Response:
    """Ready. 503 while the database cannot be used, and while the process loads, stops or is full.

    A row is written, because a database that is full or read-only can still be read.
    The last holds only for a process with media alone: the API of a full process works. Late jobs
    are shown, and refuse no traffic.
    """
    presence = services().context.presence
    if presence.draining:
        return _unavailable(process="stopping")
    if presence.warming:
        return _unavailable(process="warming")
    if presence.full and presence.settings.only_media:
        return _unavailable(process="full")
    context = services().context
    try:
        with deadline.within(STORE_SECONDS):
            if not migrate.is_current(context.store):
                return _unavailable(database="not migrated to this version")
            with context.store.read() as conn:
                overdue = metrics.overdue(conn, context.now())
            presence.check_store(context.store, context.now())
    except SQLAlchemyError as error:
        context.store.outage.note(error)
        return _unavailable(database=sentence(error))
    jobs = f"late by {overdue:.0f} s" if overdue > LATE_SECONDS else "ok"
    return reply({"status": "ok", "database": "ok", "jobs": jobs})


def unready(outage: Outage) -> Mapping[str, str] | None:
    """What ``/readyz`` says while all threads wait, without a thread or the database.

    None: no failure is known.
    """
    return {"status": "unavailable", "database": outage.why} if outage.why else None


@blueprint.get("/metrics")
def numbers() -> Response:
    """The metrics, in Prometheus' text format or as OpenMetrics."""
    settings = services().context.settings
    if settings.metrics_token:
        require_token(settings.metrics_token)
    elif settings.protect_metrics:
        require_key()
    text, content_type = services().metrics.exposition(request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)


def _unavailable(**why: str) -> Response:
    answer = reply({"status": "unavailable", **why}, 503)
    answer.headers["Retry-After"] = "1"
    return answer
