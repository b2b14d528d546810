"""Accounts at carriers and vendors: added, replaced, deleted and tried. Secrets are never shown."""

from __future__ import annotations

import json

from flask import Response, request

from app.dashboard.asking import asking
from app.dashboard.forms import checked
from app.dashboard.table import Page, go, page, session
from app.doctor import carriers, vendor_keys
from app.doctor.finding import Finding
from app.domain.dashboard import credentials
from app.domain.dashboard.credentials import CredentialRow, FormField, Source
from app.domain.errors import Invalid, NotFound
from app.routes.errors import ApiError
from app.routes.json_body import parse
from app.routes.schemas.credentials import CreateCredential, UpdateCredential
from app.routes.validation import services
from providers.common.json_types import JsonDict

NOT_HERE = "It is not stored here, so it is changed where it comes from."
WRONG_JSON = "Other fields: a JSON object is wanted"


def index() -> Response:
    found = credentials.listing(services().context, session().org_id)
    return page("credentials.html", found=found)


def form() -> Response:
    """First the provider is chosen, then its fields are filled."""
    return _form(request.args.get("provider", ""), {}, [])


def create() -> Response:
    provider = request.form.get("provider", "")
    fields = credentials.fields_of(services().context, provider)
    try:
        asked = {"provider": provider, **_named(), **_given(fields)}
        body = checked(CreateCredential, asked)
        services().resources.credentials.create(session().org_id, body)
    except Invalid as error:
        return _form(provider, _plain(fields), error.sentences)
    return go("/credentials", f"The account at {provider} is stored. Test it now.")


def one(credential_id: str) -> Response:
    return _shown(credential_id, [])


def change(credential_id: str) -> Response:
    """The name alone, or all fields of the account anew."""
    context, org_id = services().context, session().org_id
    row, stored = credentials.one(context, org_id, credential_id)
    _must_be_stored(row)
    fields = credentials.fields_of(context, row.provider)
    try:
        given = _given(fields)
        kept = credentials.shown(stored)
        is_same = all(kept.get(name) == value for name, value in given.items())
        asked: JsonDict = {"name": _text("name") or None, **({} if is_same else given)}
        body = checked(UpdateCredential, asked)
        services().resources.credentials.patch(org_id, row.id, body)
    except Invalid as error:
        return _shown(credential_id, error.sentences)
    told = "The name is stored." if is_same else "The account is replaced. Test it now."
    return go("/credentials", told)


def delete(credential_id: str) -> Response:
    row, _ = credentials.one(services().context, session().org_id, credential_id)
    _must_be_stored(row)
    try:
        services().resources.credentials.delete(session().org_id, row.id)
    except Invalid as error:
        return _shown(credential_id, error.sentences)
    return go("/credentials", f"The account at {row.provider} is deleted.")


def test(credential_id: str) -> Response:
    """Ask the carrier or vendor, with this account, for what changes nothing."""
    context = services().context
    row, stored = credentials.one(context, session().org_id, credential_id)
    if not row.can_test:
        raise ApiError(400, "There is no request that only tries this credential.")
    with asking():
        if row.kind == "carrier":
            return _told([*carriers.account(context, stored)])
        return _told([vendor_keys.stored(context, stored)])


def test_environment(provider: str) -> Response:
    """The same, with the key of the environment."""
    with asking():
        found = vendor_keys.of_environment(services().context, provider)
    if found is None:
        raise NotFound("Credential", provider)
    return _told([found])


def _told(found: list[Finding]) -> Response:
    if "HX-Request" in request.headers:
        return page("findings.html", found=found)
    return go("/credentials", " ".join(each.text for each in found))


def _must_be_stored(row: CredentialRow) -> None:
    if row.source is not Source.STORED:
        raise ApiError(409, NOT_HERE)


def _form(provider: str, given: JsonDict, problems: list[str]) -> Response:
    context = services().context
    holders = credentials.holders(context)
    known = any(provider in names for names in holders.values())
    return page(
        "credential_form.html",
        400 if problems else 200,
        provider=provider if known else "",
        holders=holders,
        fields=credentials.fields_of(context, provider),
        given=given,
        problems=problems,
    )


def _shown(credential_id: str, problems: list[str]) -> Response:
    context = services().context
    row, stored = credentials.one(context, session().org_id, credential_id)
    fields = credentials.fields_of(context, row.provider)
    return page(
        "credential.html",
        400 if problems else 200,
        row=row,
        fields=fields,
        given=_plain(fields) if problems else credentials.shown(stored),
        shown=credentials.shown(stored),
        problems=problems,
        variable=credentials.environment_names(context, row.provider),
    )


def _given(fields: list[FormField]) -> JsonDict:
    """The fields that are filled, and those of the JSON. Raises ``Invalid``."""
    found: JsonDict = {}
    for each in fields:
        text = _text(each.name)
        if text:
            found[each.name] = [part.strip() for part in text.split(",")] if each.is_list else text
    return {**found, **_more()}


def _more() -> JsonDict:
    text = _text("more")
    if not text:
        return {}
    try:
        value = parse(text.encode())
    except ApiError as error:
        raise Invalid(f"{WRONG_JSON}: {error.message}") from error
    if not isinstance(value, dict):
        raise Invalid(f"{WRONG_JSON}, and this is {json.dumps(value)[:40]}.")
    return {name: each for name, each in value.items() if name not in {"provider", "name"}}


def _plain(fields: list[FormField]) -> JsonDict:
    """What a refused form shows again: never a secret."""
    return {"name": _text("name"), **{f.name: _text(f.name) for f in fields if not f.is_secret}}


def _named() -> JsonDict:
    return {"name": name} if (name := _text("name")) else {}


def _text(name: str) -> str:
    return request.form.get(name, "").strip()


PAGES = (
    Page("/credentials", index, for_actors=True),
    Page("/credentials/new", form, for_actors=True),
    Page("/credentials/new", create, methods=("POST",)),
    Page("/credentials/environment/<provider>/test", test_environment, methods=("POST",)),
    Page("/credentials/<credential_id>", one, for_actors=True),
    Page("/credentials/<credential_id>", change, methods=("POST",)),
    Page("/credentials/<credential_id>/delete", delete, methods=("POST",)),
    Page("/credentials/<credential_id>/test", test, methods=("POST",)),
)
