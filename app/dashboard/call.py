"""The page of one call: why it ended, what was said, what was asked and answered, what it cost."""

from __future__ import annotations

from flask import Response

from app.dashboard import guard
from app.dashboard.table import Page, page, session
from app.domain.dashboard import call_view
from app.domain.dashboard.call_view import CallView
from app.domain.dashboard.waveform import Waves
from app.routes.lean_flask import current_app
from app.routes.validation import services

KEPT = "dashboard waveforms"
CSP = "Content-Security-Policy"


def index(call_id: str) -> Response:
    view = _view(call_id)
    answer = page("call.html", view=view)
    if view.row.is_live:
        answer.headers[CSP] = _with_sockets()
    return answer


def state(call_id: str) -> Response:
    """What changes while the call is live."""
    return page("call_state.html", view=_view(call_id), is_part=True)


def events(call_id: str) -> Response:
    """The timeline alone."""
    return page("call_timeline.html", view=_view(call_id))


def waveform(call_id: str) -> Response:
    """Loaded after the page, which a long recording must not hold up."""
    call = call_view.own(services().context, session().org_id, call_id)
    return page("call_wave.html", wave=waves().of(services().context, call))


def waves() -> Waves:
    """Of this application."""
    found: Waves = current_app().extensions.setdefault(KEPT, Waves())
    return found


def _view(call_id: str) -> CallView:
    return call_view.view(services().context, session().org_id, call_id)


def _with_sockets() -> str:
    """The policy for a page that may open a call's audio, which may be at another address."""
    ours = "connect-src 'self'"
    bases = services().context.settings.media_bases
    return guard.HEADERS[CSP].replace(ours, " ".join((ours, *bases)))


PAGES = (
    Page("/calls/<call_id>", index),
    Page("/calls/<call_id>/state", state),
    Page("/calls/<call_id>/events", events),
    Page("/calls/<call_id>/waveform", waveform),
)
