"""The page of one assistant: its form, its JSON, and the check of each field."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, request

from app.dashboard import guard
from app.dashboard.assistants_read import FORM, JSON, Edited, checked, sent
from app.dashboard.table import PREFIX, Page, go, page, session
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.told import sentences
from app.domain.context import Context
from app.domain.dashboard.assistants import changes, check, choices, verdicts
from app.domain.dashboard.assistants.check import Checked, Stored
from app.domain.dashboard.assistants.form_fields import DESTINATIONS, GROUPS
from app.domain.dashboard.assistants.transfers import rows
from app.domain.errors import Conflict, Invalid
from app.domain.resources.vendor_accounts import accounts_for_call
from app.routes.validation import services

NEW = "new"
CHANGED = "The assistant was changed since you opened it. Open it again in another tab and compare."
CSP = "Content-Security-Policy"


def new() -> Response:
    """The form of a new assistant, with what is ready here."""
    context = services().context
    with context.store.read() as conn:
        accounts = accounts_for_call(context, conn, session().org_id, AssistantConfig({}))
    return _page(Edited(choices.starter(accounts)), None)


def index(assistant_id: str) -> Response:
    before = _stored(assistant_id)
    view = JSON if request.args.get("view") == JSON else FORM
    return _page(Edited(before.public, view), before)


def create() -> Response:
    return _posted(None)


def save(assistant_id: str) -> Response:
    return _posted(_stored(assistant_id))


def check_new() -> Response:
    return _checks(None)


def check_edited(assistant_id: str) -> Response:
    """The check of what is in the form. Nothing is stored."""
    return _checks(_stored(assistant_id))


def _stored(assistant_id: str) -> Stored:
    return check.stored(services().context, session().org_id, assistant_id)


def _posted(before: Stored | None) -> Response:
    """Save, or show the other view, or one more row of destinations, as the button says."""
    edited, button = sent(), request.form.get("do", "save")
    if button == "save":
        return _save(edited, before)
    if button in (FORM, JSON) and edited.is_read:
        edited = Edited(edited.public, button)
    return _page(edited, before)


def _save(edited: Edited, before: Stored | None) -> Response:
    if not edited.is_read:
        return _page(edited, before, status=400)
    found, given = checked(edited, before, session().org_id)
    if found.problems:
        return _page(edited, before, found, status=400)
    try:
        id = _stored_as(before, given)
    except Conflict:
        return _page(edited, before, replace(found, problems=[CHANGED]), status=409)
    except Invalid as error:  # by another request, between the check and this one
        return _page(edited, before, replace(found, problems=[str(error)]), status=400)
    told = " ".join(f"{each[:1].upper()}{each[1:]}." for each in sentences(found.findings))
    view = "?view=json" if edited.view == JSON else ""
    return go(f"/assistants/{id}{view}", f"Saved. {told}".strip())


def _stored_as(before: Stored | None, given: dict[str, object]) -> str:
    context, org_id = services().context, session().org_id
    if before is None:
        return changes.create(context, org_id, given)
    changes.save(context, org_id, before, given, request.form.get("read_at", before.updated_at))
    return before.id


def _checks(before: Stored | None) -> Response:
    """The panel of the check, and what stands beside each field."""
    edited = sent()
    return page("assistant_check.html", **_judged(edited, before), edited=edited, is_part=True)


def _page(
    edited: Edited, before: Stored | None, found: Checked | None = None, status: int = 200
) -> Response:
    context = services().context
    judged = _judged(edited, before, found)
    values = edited.shown
    answer = page(
        "assistant.html",
        status,
        **judged,
        edited=edited,
        before=before,
        refused=status >= 400,
        values=values,
        rows=[*rows(values.get(DESTINATIONS, ())), *BLANK],
        groups=GROUPS,
        tools=choices.tools(context, session().org_id, values.get("model.toolIds", ())),
        detectors=choices.detectors(context),
        read_at=request.form.get("read_at") or (before.updated_at if before else ""),
        action=f"{PREFIX}/assistants/{before.id if before else NEW}",
    )
    answer.headers[CSP] = _with_media(context)
    return answer


BLANK = [("", "", "")]
"""The row for one more destination."""


def _judged(
    edited: Edited, before: Stored | None, found: Checked | None = None
) -> dict[str, object]:
    """What both the page and its check show of the assistant as it is edited."""
    context = services().context
    result = found or checked(edited, before, session().org_id)[0]
    problems = [] if edited.broken else result.problems
    config = AssistantConfig(edited.public)
    stages = {stage: getattr(config, stage).get("provider") for stage in choices.STAGES}
    given = {stage: _given_provider(edited, stage) for stage in choices.STAGES}
    backend = config.transport.backend(context.settings)
    return {
        "findings": [] if edited.broken else result.findings,
        "templates": result.templates,
        "problems": problems,
        "verdicts": verdicts.beside(result.findings, problems, edited.unread),
        "words": verdicts.WORDS,
        "models": choices.models(context, str(stages["model"] or "")),
        "providers": {
            stage: choices.providers(stage, result.accounts, given[stage])
            for stage in choices.STAGES
        },
        "backend": "" if backend == "local" else backend,
    }


def _given_provider(edited: Edited, stage: str) -> str:
    return next(iter(edited.shown.get(f"{stage}.provider", ())), "")


def _with_media(context: Context) -> str:
    """The policy for a page that may open the media socket of its web call."""
    ours = "connect-src 'self'"
    return guard.HEADERS[CSP].replace(ours, " ".join((ours, *context.settings.media_bases)))


PAGES = (
    Page("/assistants/new", new),
    Page("/assistants/new", create, methods=("POST",)),
    Page("/assistants/new/check", check_new, methods=("POST",)),
    Page("/assistants/<assistant_id>", index),
    Page("/assistants/<assistant_id>", save, methods=("POST",)),
    Page("/assistants/<assistant_id>/check", check_edited, methods=("POST",)),
)
