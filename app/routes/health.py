"""For whoever runs it: alive, ready, how much. No key, because nothing of anybody is told."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from app.domain.cluster import Presence
from app.routes.validation import reply, services
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
    """503 while the database cannot be used, or the process stops, or has no room for sound.

    The last only where sound is all it is for: the API of a process that is full is as good as
    ever. Late jobs are told, and refuse no traffic.
    """
    presence = services().core.presence
    if presence.draining:
        return _unavailable(process="stopping")
    if presence.full and presence.settings.only_media:
        return _unavailable(process="full")
    try:
        store = services().core.store
        current = migrate.is_current(store)
        if not current:
            return _unavailable(database="not migrated to this version")
        with store.read() as conn:
            overdue = metrics.overdue(conn, services().core.now())
    except SQLAlchemyError:
        return _unavailable(database="not reachable")
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
    lines = (*_lines(counts, age), *_lines_of_the_process(core.presence))
    text = "\n".join(lines) + "\n"
    return Response(text, mimetype="text/plain; version=0.0.4")


def _unavailable(**why: str) -> Response:
    answer = reply({"status": "unavailable", **why}, 503)
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


def _lines_of_the_process(presence: Presence) -> Iterator[str]:
    """Of the one process that answers, where several share an address."""
    most = presence.settings.max_calls_per_process
    gauges = (
        ("media_sockets", "Media sockets that are open in this process.", presence.sockets),
        ("process_calls", "Its calls that count for MAX_CALLS_PER_PROCESS.", presence.seats),
        ("process_calls_limit", "MAX_CALLS_PER_PROCESS; 0: no limit.", most),
        ("draining", "1 while this process stops.", int(presence.draining)),
        ("event_loop_lag_seconds", "How late its loop was at worst, of late.", presence.lag),
    )
    for name, meaning, value in gauges:
        yield f"# HELP patchbay_{name} {meaning}"
        yield f"# TYPE patchbay_{name} gauge"
        yield (
            f"patchbay_{name} {value:.3f}"
            if isinstance(value, float)
            else (f"patchbay_{name} {value}")
        )
