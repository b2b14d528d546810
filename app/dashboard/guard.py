"""Before each page: its session, its role, its form's token. After it: the headers."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import quote

from flask import Response, g, request

from app.dashboard import cookies
from app.dashboard.table import PREFIX, Page
from app.domain.login.sessions import Session
from app.routes.errors import ApiError
from app.routes.validation import services

CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF"
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page. A page that sets one of them itself keeps its own."""
ASKED_AGAIN = "public, no-cache"
"""Cache-Control of our script and style: a browser asks whether they have changed."""
STATIC = "dashboard.static"
FOREIGN = {"cross-site", "same-site"}
"""``Sec-Fetch-Site`` of a request that another site's page made."""

LOOKS_ONLY = "This session may look, not act: sign in with an API key to do that"
OLD_FORM = "The form is older than your session: reload the page and try again"


def before(pages: Mapping[str, Page]) -> Response | None:
    """Raises ``ApiError`` 403."""
    asked = pages.get(request.endpoint or "")
    if request.endpoint == STATIC:
        return None
    session = present_session()
    if asked is not None and asked.is_open:
        if request.method == "POST" and request.headers.get("Sec-Fetch-Site") in FOREIGN:
            raise ApiError(403, OLD_FORM)
        return None
    if session is None:
        return _to_login()
    if request.method == "POST":
        _check_post(session)
    elif asked is not None and asked.for_actors and not session.may_act:
        raise ApiError(403, LOOKS_ONLY)
    return None


def present_session() -> Session | None:
    """The request's session, looked up once."""
    if "dashboard_session" not in g:
        g.dashboard_session = cookies.session_of(request, services().context)
    found: Session | None = g.dashboard_session
    return found


def after(answer: Response) -> Response:
    if request.endpoint == STATIC:
        answer.headers["Cache-Control"] = ASKED_AGAIN
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    is_page = answer.status_code == 200 and answer.mimetype == "text/html"
    if is_page and request.cookies.get(cookies.SAID) and "HX-Request" not in request.headers:
        cookies.unsay(answer, services().context)
    return answer


def _check_post(session: Session) -> None:
    given = request.form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER) or ""
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise ApiError(403, OLD_FORM)
    if not session.may_act:
        raise ApiError(403, LOOKS_ONLY)


def _to_login() -> Response:
    """To the login, and back to this page after it."""
    login = f"{PREFIX}/login"
    if "HX-Request" in request.headers:  # htmx would put the login into a part of the page
        return Response(status=401, headers={"HX-Redirect": login})
    back = request.full_path.rstrip("?") if request.method == "GET" else PREFIX
    return Response(status=302, headers={"Location": f"{login}?next={quote(back, safe='/')}"})
