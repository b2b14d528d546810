"""For whoever runs it: alive, ready, how much. No key, because nothing of anybody is told."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from app.routes.web import reply, services
from app.store import metrics, migrate
from app.store.metrics import Counts

LATE_SECONDS = 60
"""A job this long overdue is being done by nobody."""

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """This process answers. Nothing else is asked, so a database that is down restarts nobody."""
    return reply({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Response:
    """503 while the database cannot be used. Late jobs are told, and refuse no traffic."""
    try:
        store = services().core.store
        current = migrate.is_current(store)
        if not current:
            return _unavailable("not migrated to this version")
        with store.read() as conn:
            overdue = metrics.overdue(conn, services().core.now())
    except SQLAlchemyError:
        return _unavailable("not reachable")
    jobs = f"late by {overdue:.0f} s" if overdue > LATE_SECONDS else "ok"
    return reply({"status": "ok", "database": "ok", "jobs": jobs})


@blueprint.get("/metrics")
def numbers() -> Response:
    """Prometheus text. https://prometheus.io/docs/instrumenting/exposition_formats/"""
    core = services().core
    with core.store.read() as conn:
        counts = metrics.counts(conn)
    oldest = counts.oldest_pending
    age = (core.now() - oldest).total_seconds() if oldest else 0.0
    text = "\n".join(_lines(counts, age)) + "\n"
    return Response(text, mimetype="text/plain; version=0.0.4")


def _unavailable(database: str) -> Response:
    answer = reply({"status": "unavailable", "database": database}, 503)
    answer.headers["Retry-After"] = "1"
    return answer


def _lines(counts: Counts, age: float) -> Iterator[str]:
    yield "# HELP patchbay_calls Calls kept, by status."
    yield "# TYPE patchbay_calls gauge"
    for status, count in sorted(counts.calls.items()):
        yield f'patchbay_calls{{status="{status}"}} {count}'
    yield "# HELP patchbay_messages Server messages kept, by state."
    yield "# TYPE patchbay_messages gauge"
    for state, count in sorted(counts.messages.items()):
        yield f'patchbay_messages{{state="{state}"}} {count}'
    yield "# HELP patchbay_messages_oldest_pending_seconds Age of the oldest undelivered message."
    yield "# TYPE patchbay_messages_oldest_pending_seconds gauge"
    yield f"patchbay_messages_oldest_pending_seconds {age:.3f}"
