"""The dashboard's cookies: who looks, what the page before says once, and what was dismissed."""

from __future__ import annotations

from typing import Any

from flask import Request, Response

from app.domain.context import Context
from app.domain.login import sessions
from app.domain.login.sessions import SECONDS, Session

SESSION, SAID = "patchbay_session", "patchbay_said"
DISMISSED = "patchbay_first_steps"
"""The first steps are not shown at the beginning any more, in this browser."""
PATH = "/dashboard"
SAID_SECONDS = 30
DISMISSED_SECONDS = 365 * 24 * 3600
MOST_SAID = 1000


def put_session(answer: Response, context: Context, session: Session) -> None:
    text = sessions.sealed(context, session)
    answer.set_cookie(SESSION, text, max_age=SECONDS[session.role], **_limits(context))


def drop_session(answer: Response, context: Context) -> None:
    answer.delete_cookie(SESSION, **_limits(context))


def session_of(request: Request, context: Context) -> Session | None:
    return sessions.opened(context, request.cookies.get(SESSION))


def say(answer: Response, context: Context, text: str) -> None:
    """Show this sentence on the next page."""
    sealed = sessions.seal(context, SAID, {"text": text[:MOST_SAID]})
    answer.set_cookie(SAID, sealed, max_age=SAID_SECONDS, **_limits(context))


def said(request: Request, context: Context) -> str:
    return str(sessions.unseal(context, SAID, request.cookies.get(SAID)).get("text", ""))


def unsay(answer: Response, context: Context) -> None:
    answer.delete_cookie(SAID, **_limits(context))


def dismiss(answer: Response, context: Context) -> None:
    answer.set_cookie(DISMISSED, "1", max_age=DISMISSED_SECONDS, **_limits(context))


def is_dismissed(request: Request) -> bool:
    return DISMISSED in request.cookies


def _limits(context: Context) -> dict[str, Any]:
    """For no script, for no other site, and for https only where that is our address."""
    secure = context.settings.public_url.startswith("https://")
    return {"path": PATH, "httponly": True, "samesite": "Strict", "secure": secure}
