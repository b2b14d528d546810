"""The Talk button: a web call to an assistant as it is in the form, saved or not."""

from __future__ import annotations

from flask import Response

from app.dashboard.assistants_read import checked, sent
from app.dashboard.table import PREFIX, Page, session
from app.domain.assistant.served_fields import Fate
from app.domain.calls import web_calls
from app.domain.dashboard.assistants import check
from app.domain.dashboard.assistants.check import Stored, whole
from app.domain.errors import DomainError
from app.routes.validation import reply, services
from providers.common.json_types import JsonDict

FAILS = "A call would fail: "


def talk_new() -> Response:
    return _begun(None)


def talk(assistant_id: str) -> Response:
    """Create the call. The page then joins it as that of ``webCallUrl`` does.

    The answer is JSON: where to join and where to see the call, or ``problems``.
    """
    return _begun(check.stored(services().context, session().org_id, assistant_id))


def _begun(before: Stored | None) -> Response:
    edited, org_id = sent(), session().org_id
    if not edited.is_read:
        return _refused(*edited.unread.values(), edited.broken)
    found, given = checked(edited, before, org_id)
    failing = [f"{FAILS}{each}" for each in found.findings if each.fate is Fate.REFUSED]
    if found.problems or failing:
        return _refused(*found.problems, *failing)
    is_saved = before is not None and given == before.public
    assistant = {"assistantId": before.id} if is_saved and before else {}
    try:
        call = services().calls.create(
            org_id,
            {"type": web_calls.WEB_CALL, **(assistant or {"assistant": whole(before, given)})},
        )
    except DomainError as error:
        return _refused(*error.sentences)
    return reply(_joined(call))


def _joined(call: JsonDict) -> JsonDict:
    """Where this browser joins: at the address by which it reached the dashboard."""
    token = call["webCallUrl"].rpartition("/")[2]
    return {"join": f"/web/{token}", "call": f"{PREFIX}/calls/{call['id']}"}


def _refused(*problems: str) -> Response:
    return reply({"problems": [each for each in problems if each]}, 400)


PAGES = (
    Page("/assistants/new/talk", talk_new, methods=("POST",)),
    Page("/assistants/<assistant_id>/talk", talk, methods=("POST",)),
)
