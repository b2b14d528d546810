"""Phone numbers: who answers each, and which of our URLs goes where at its carrier."""

from __future__ import annotations

from flask import Response, request

from app import default_number
from app.dashboard.asking import asking
from app.dashboard.forms import checked
from app.dashboard.table import Page, go, page, session
from app.doctor import number_settings
from app.doctor.number_settings import Judged
from app.domain.dashboard import numbers
from app.domain.dashboard.numbers import NumberRow
from app.domain.errors import Invalid
from app.domain.resources import number_urls
from app.routes.errors import ApiError
from app.routes.schemas.phone_numbers import CreatePhoneNumber, UpdatePhoneNumber
from app.routes.validation import services
from providers.base.webhook import HookKind
from providers.common.json_types import JsonDict

OF_SETTING = "This number is in the settings: change them, and restart."
HOOKS = {
    HookKind.ARRIVE: "a call arrives; the answer connects the assistant",
    HookKind.FETCH: "the document of a call that the API made",
    HookKind.STATUS: "progress and end of a leg",
    HookKind.STREAM: "the media stream begins, ends or fails",
    HookKind.CONTINUE: "our document is done; the answer is the next one",
    HookKind.MACHINE: "a person or an answering machine",
    HookKind.FORWARD: "how a transfer went",
    HookKind.OPERATOR: "a transfer's operator has answered; the answer is what they hear",
    HookKind.SPOKE: "the operator has spoken; the answer is what they hear next",
    HookKind.BRIEFED: "the operator has heard it; the answer connects the caller",
    HookKind.TALKED: "the transfer assistant has left; the answer connects the caller",
    HookKind.OPERATOR_STATUS: "progress and end of the operator's leg",
    HookKind.ROOM: "the caller and the operator meet, or one of them leaves",
    HookKind.WAIT: "a leg waits for a slot, and asks again",
    HookKind.RECORDING: "a recording is ready",
    HookKind.FALLBACK: "our answer could not be used; the answer is another one",
}
"""What the carrier asks or tells at each kind of our URLs."""


def index() -> Response:
    found = numbers.listing(services().context, session().org_id)
    return page("numbers.html", found=found, from_settings={r.id for r in found if is_setting(r)})


def one(number_id: str) -> Response:
    return _shown(numbers.one(services().context, session().org_id, number_id))


def form() -> Response:
    return _form({}, [])


def create() -> Response:
    given = {name: request.form.get(name, "").strip() for name in ("number", "credentialId")}
    asked: JsonDict = {name: value for name, value in given.items() if value}
    asked |= {name: value for name, value in _own().items() if value}
    try:
        body = checked(CreatePhoneNumber, asked)
        made = services().resources.phone_numbers.create(session().org_id, body)
    except Invalid as error:
        return _form({**given, **_texts()}, error.sentences)
    return go(f"/numbers/{made['id']}", "The number is stored. Now enter its URLs at the carrier.")


def change(number_id: str) -> Response:
    """A field that the form leaves empty is removed."""
    row = numbers.one(services().context, session().org_id, number_id)
    asked = _own(row)
    try:
        body = checked(UpdatePhoneNumber, asked)
        services().resources.phone_numbers.patch(session().org_id, row.id, body)
    except Invalid as error:
        return _shown(row, error.sentences)
    return go(f"/numbers/{row.id}", "The number is changed.")


def delete(number_id: str) -> Response:
    row = numbers.one(services().context, session().org_id, number_id)
    if is_setting(row):
        raise ApiError(409, OF_SETTING)
    services().resources.phone_numbers.delete(session().org_id, row.id)
    return go("/numbers", f"{row.number} is deleted.")


def today(number_id: str) -> Response:
    """The table of URLs again, with what the carrier has today."""
    context, org_id = services().context, session().org_id
    row, credential = numbers.with_credential(context, org_id, number_id)
    if row["provider"] not in context.providers:
        raise ApiError(409, "No plugin here brings the carrier of this number.")
    with asking():
        judged, problem = number_settings.asked(context, row, credential)
    found = numbers.one(context, org_id, number_id)
    if "HX-Request" not in request.headers:
        return _shown(found, today=judged, problem=problem)
    return page("number_urls.html", **_urls(found, judged, problem))


def is_setting(row: NumberRow) -> bool:
    """Whether the environment has the number."""
    return row.id == default_number.number_id(row.carrier, row.number)


def _shown(
    row: NumberRow,
    problems: list[str] | None = None,
    today: list[Judged] | None = None,
    problem: str = "",
) -> Response:
    context = services().context
    carrier = context.providers.get(row.carrier)  # the plugin that brought it may be gone
    named = context.settings.assistant_id if is_setting(row) else None
    return page(
        "number.html",
        400 if problems else 200,
        problems=problems or [],
        given=_texts() if problems else None,
        from_setting=is_setting(row),
        assistant_of_setting=named,
        assistants=numbers.assistants_of(context, session().org_id),
        hooks=[(hook, HOOKS[hook.kind]) for hook in carrier.hooks] if carrier else [],
        **_urls(row, today, problem),
    )


def _urls(row: NumberRow, today: list[Judged] | None, problem: str) -> JsonDict:
    """``today``: None when the carrier was not asked."""
    context = services().context
    carrier, base = context.providers.get(row.carrier), context.settings.public_url
    ours = number_urls.of_number(carrier, base, row.assistant_id or None) if carrier else []
    kinds = {each.kind for each in ours}
    return {
        "urls": ours,
        "today": {each.kind: each for each in today or [] if each.kind in kinds},
        "others": [each for each in today or [] if each.kind not in kinds],
        "asked": today is not None,
        "problem": problem,
        "row": row,
        "is_local": context.settings.development,
    }


def _form(given: JsonDict, problems: list[str]) -> Response:
    context, org_id = services().context, session().org_id
    return page(
        "number_form.html",
        400 if problems else 200,
        given=given,
        problems=problems,
        accounts=numbers.accounts_of(context, org_id),
        assistants=numbers.assistants_of(context, org_id),
    )


def _texts() -> dict[str, str]:
    names = ("name", "assistantId", "fallback", "serverUrl", "ownerCallbackUrl")
    return {name: request.form.get(name, "").strip() for name in names}


def _own(row: NumberRow | None = None) -> JsonDict:
    """The fields of the body that both forms have; null for an empty one."""
    texts = _texts()
    body: JsonDict = {name: texts[name] or None for name in ("name", "ownerCallbackUrl")}
    if "assistantId" in request.form:
        body["assistantId"] = texts["assistantId"] or None
    if row is None or texts["fallback"] != row.fallback:  # else it keeps what the API added to it
        body["fallbackDestination"] = _destination(texts["fallback"])
    if row is None or texts["serverUrl"] != row.server_url:
        kept = _stored_server(row) if row else {}
        body["server"] = {**kept, "url": texts["serverUrl"]} if texts["serverUrl"] else None
        body |= {"serverUrl": None} if row else {}
    return body


def _stored_server(row: NumberRow) -> JsonDict:
    """What the API stored beside the URL: a timeout, a credential."""
    stored = services().resources.phone_numbers.get(session().org_id, row.id)
    return dict(stored.get("server") or {})


def _destination(text: str) -> JsonDict | None:
    if not text:
        return None
    if text.startswith("sip:"):
        return {"type": "sip", "sipUri": text}
    return {"type": "number", "number": text.replace(" ", "")}


PAGES = (
    Page("/numbers", index, nav="Set-up"),
    Page("/numbers/new", form, for_actors=True),
    Page("/numbers/new", create, methods=("POST",)),
    Page("/numbers/<number_id>", one),
    Page("/numbers/<number_id>", change, methods=("POST",)),
    Page("/numbers/<number_id>/delete", delete, methods=("POST",)),
    Page("/numbers/<number_id>/carrier", today, methods=("POST",)),
)
