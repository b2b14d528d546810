"""Sign in and out: with an API key, or with a login token from the log."""

from __future__ import annotations

from flask import Response, request

from app.dashboard import cookies
from app.dashboard.guard import present_session
from app.dashboard.table import PREFIX, Page, go, page
from app.domain.login import enter
from app.routes.attempts import Attempts
from app.routes.auth import TOO_MANY_WRONG, client
from app.routes.validation import services

WRONG = "No such API key is in force, and no such login token is unused."


def form() -> Response:
    if present_session() is not None:
        return go(_next())
    return page("login.html", next=_next(), wrong="")


def sign_in() -> Response:
    """A wrong secret is counted for its address, with those of the API."""
    context, attempts, address = services().context, _attempts(), client()
    if wait := attempts.wait(address):
        return _refused(429, TOO_MANY_WRONG, wait)
    session = enter.enter(context, request.form.get("secret", "").strip())
    if session is None:
        if wait := attempts.count(address):
            return _refused(429, TOO_MANY_WRONG, wait)
        return _refused(401, WRONG)
    answer = go(_next())
    cookies.put_session(answer, context, session)
    return answer


def sign_out() -> Response:
    answer = go("/login")
    cookies.drop_session(answer, services().context)
    return answer


def _attempts() -> Attempts:
    return services().doors.keys


def _refused(status: int, sentence: str, wait: int = 0) -> Response:
    answer = page("login.html", status, next=_next(), wrong=sentence)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _next() -> str:
    """The page to go to afterwards, below ``/dashboard``: never one of another site."""
    wanted = request.values.get("next", "")
    below = wanted.removeprefix(PREFIX)
    is_ours = wanted.startswith(f"{PREFIX}/") and "//" not in wanted and "\\" not in wanted
    return below if is_ours and not below.startswith("/login") else "/"


PAGES = (
    Page("/login", form, is_open=True),
    Page("/login", sign_in, methods=("POST",), is_open=True),
    Page("/logout", sign_out, methods=("POST",), is_open=True),
)
