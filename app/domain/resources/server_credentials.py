"""Credentials of a client's own servers, which ``server.credentialId`` names.

Vapi's providers ``webhook`` and ``custom-credential``, each with an ``authenticationPlan``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.net.authentication import (
    SECRETS,
    Bearer,
    Hmac,
    Plan,
    Signer,
    Unusable,
    key_problem,
    plan_problems,
)
from app.net.oauth import OAuth
from app.store import accounts
from app.store.vault import WrongKey
from providers.common.json_types import JsonDict, JsonObject

PROVIDERS = ("webhook", "custom-credential")
PLAN = "authenticationPlan"
NO_SESSION: JsonObject = {"authenticationSession": {}}
"""A field of Vapi's; the session's token is not shown."""


def columns(context: Context, provider: str, body: JsonObject) -> JsonDict:
    """A stored credential's columns, for the fields beside ``provider`` and ``name``.

    Raises ``Invalid``.
    """
    unknown = [f"property {name} should not exist" for name in body if name != PLAN]
    if unknown:
        raise Invalid(unknown)
    plan = body.get(PLAN)
    check_plan(context, plan, tuple(SECRETS))
    public, secret = split_plan(plan or {})
    return {
        "provider": provider,
        "account_ref": "",  # no webhook of a carrier names it
        "body": {PLAN: public},
        "secret": context.vault.seal({PLAN: secret}),
    }


def check_plan(context: Context, plan: Any, kinds: tuple[str, ...], path: str = PLAN) -> None:
    """Raises ``Invalid`` for a plan that cannot be used. ``kinds``: the types that are taken."""
    problems = plan_problems(plan, path)
    if not problems and plan["type"] not in kinds:
        problems = [f"{path}.type must be one of the following values: {', '.join(kinds)}"]
    if not problems and plan["type"] == "hmac" and (problem := key_problem(plan)):
        problems = [f"{path}.{problem}"]
    if not problems and plan["type"] == "oauth2" and (why := context.url_problem(plan["url"])):
        problems = [f"{path}.url: {why}"]
    if problems:
        raise Invalid(problems)


def split_plan(plan: Plan) -> tuple[JsonDict, JsonDict]:
    """A plan without its secret, and the secret."""
    hidden = SECRETS.get(str(plan.get("type")), "")
    given = {name: value for name, value in plan.items() if value is not None}
    return (
        {name: value for name, value in given.items() if name != hidden},
        {name: value for name, value in given.items() if name == hidden},
    )


def patched(context: Context, row: JsonObject, body: JsonObject) -> JsonDict:
    """The fields after a change. A plan of the same type keeps the secret that it leaves out."""
    given = body.get(PLAN)
    if not isinstance(given, Mapping):
        return dict(body)
    old = _plan(context, row)
    hidden = SECRETS.get(str(old.get("type")), "")
    kept = {hidden: old[hidden]} if given.get("type") == old.get("type") and hidden in old else {}
    return {**body, PLAN: {**kept, **given}}


def signer_of(context: Context, plan: Plan) -> Signer:
    """The signer of a stored plan."""
    kind = plan.get("type")
    if kind == "oauth2":
        return OAuth(plan, context.settings.allow_private_server_urls)
    return Hmac(plan) if kind == "hmac" else Bearer(plan)


def find(context: Context, conn: Connection, org_id: str, credential_id: object) -> Signer:
    """The signer of a credential. One that is missing or unusable says so with each request."""
    if problem := missing(conn, org_id, credential_id):
        return Unusable(problem)
    row = accounts.get_credential(conn, parse_uuid(str(credential_id)))
    try:
        return signer_of(context, _plan(context, row or {}))
    except WrongKey as error:
        return Unusable(f"credential {credential_id} cannot be used: {error}")


def missing(conn: Connection, org_id: str, credential_id: object) -> str | None:
    """Why the organisation has no such credential for a server, as a sentence."""
    known = parse_uuid(credential_id) if isinstance(credential_id, str) else None
    row = accounts.get_credential(conn, known) if known else None
    if row is None or row["org_id"] != org_id:
        return f"credential {str(credential_id)[:100]} does not exist"
    if row["provider"] not in PROVIDERS:
        return f"credential {credential_id} is none of {' or '.join(PROVIDERS)}"
    return None


def _plan(context: Context, row: JsonObject) -> JsonDict:
    opened = context.vault.open(row["secret"]).get(PLAN, {})
    return {**row["body"].get(PLAN, {}), **opened}
