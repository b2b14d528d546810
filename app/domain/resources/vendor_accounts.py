"""Accounts at vendors of models, voices and transcribers, under the names Vapi gives them.

A call uses the assistant's own ``credentials`` first, then those that its organisation stored
with ``POST /credential``, then the environment's. All fields of an account come from one of these
sources. The operator's key is therefore never sent to an address that a client chose.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import object_of, text_of
from app.domain.assistant.vendor_fields import TRANSCRIBER, VOICE
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.overlay import merge
from app.domain.resources import server_credentials
from app.domain.resources.server_credentials import PLAN
from app.net.authentication import plan_problems
from app.net.headers import value_problem
from app.store import accounts
from app.store.vault import WrongKey
from app.vendors import registry
from app.vendors.common.account import MAX_TEXT, NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.vendor import Vendor
from providers.common.json_types import JsonDict, JsonObject

NO_KEY = "none"
"""The key of an account whose requests have a token instead. It is not sent."""
PLANS = ("oauth2",)
"""Types of ``authenticationPlan`` beside a key, as at Vapi."""

log = logging.getLogger(__name__)


def columns(context: Context, vendor: str, body: JsonObject) -> JsonDict:
    """A stored credential's columns, for the fields beside ``provider`` and ``name``.

    Raises ``Invalid``.
    """
    check(context, vendor, body)
    fields = registry.VENDORS[vendor].credential
    hidden = {fields.key, *fields.sealed}
    public = {name: value for name, value in body.items() if name not in hidden}
    secret = {name: body[name] for name in hidden if name in body}
    if PLAN in body:
        public[PLAN], secret[PLAN] = server_credentials.split_plan(body[PLAN])
    return {
        "provider": vendor,
        "account_ref": "",  # no webhook names a vendor's account
        "body": public,
        "secret": context.vault.seal(secret),
    }


def check(context: Context, vendor: str, body: JsonObject) -> None:
    """Raises ``Invalid``, which names every wrong field."""
    if takes_plan(vendor) and body.get(PLAN) is not None:
        server_credentials.check_plan(context, body[PLAN], PLANS)
        body = {name: value for name, value in body.items() if name != PLAN}
        body = {registry.VENDORS[vendor].credential.key: NO_KEY, **body}
    wrong, name = [*_wrong(registry.VENDORS[vendor], body)], registry.VENDORS[vendor].credential.url
    if wrong:
        raise Invalid(wrong)
    problem = context.url_problem(body[name]) if body.get(name) else None
    if problem:
        raise Invalid([f"{name}: {problem}"])


def takes_plan(vendor: str) -> bool:
    """Whether its credential may have an ``authenticationPlan``: the client's own model."""
    part = registry.VENDORS[vendor].llm
    return part is not None and part.server_in_assistant


def reachable(context: Context) -> set[str]:
    """The vendors that a call can use: with anyone's account, or without one.

    An assistant that names the model's server needs no account.
    """
    with context.store.read() as conn:
        held = accounts.credential_providers(conn)
    held |= {each.provider for each in context.settings.vendors}
    return {
        name
        for name, vendor in registry.VENDORS.items()
        if name in held
        or vendor.env_prefix is None
        or (vendor.tts is not None and vendor.tts.speaks_by_itself)
        or (vendor.llm is not None and vendor.llm.server_in_assistant)
    }


def accounts_for_call(
    context: Context, conn: Connection, org_id: str, assistant: AssistantConfig
) -> VendorAccounts:
    """The accounts that one assistant may use."""
    found = {v.provider: VendorAccount(v.key, v.url, v.extra) for v in context.settings.vendors}
    found |= _stored(context, conn, org_id, assistant.credential_ids)
    found |= own_accounts(assistant, context)
    for vendor, credential_id in _credential_ids(assistant):
        account = found.get(vendor, NO_ACCOUNT)
        signer = server_credentials.find(context, conn, org_id, credential_id)
        found[vendor] = replace(account, signers={**account.signers, credential_id: signer})
    return found


def _credential_ids(assistant: AssistantConfig) -> Iterator[tuple[str, str]]:
    """The vendor and the ``server.credentialId`` of each voice and transcriber, reserves too."""
    for stage, own in ((VOICE, assistant.voice), (TRANSCRIBER, assistant.transcriber)):
        reserves = (registry.named(each) for _, each in registry.fallback_parts(stage, own))
        for part in (own, *reserves):
            if credential_id := text_of(object_of(part, "server"), "credentialId"):
                yield text_of(part, "provider"), credential_id


def own_accounts(
    assistant: AssistantConfig, context: Context | None = None
) -> dict[str, VendorAccount]:
    """The accounts among the assistant's own ``credentials``.

    ``context``: for those with an ``authenticationPlan``. Without it their requests are not signed.
    """
    found = dict[str, VendorAccount]()
    for credential in assistant.credentials:
        vendor = text_of(credential, "provider")
        if vendor not in registry.with_account():
            continue
        plan = object_of(credential, PLAN)
        if not plan or not takes_plan(vendor):
            found |= _access(vendor, credential)
        elif not plan_problems(plan) and plan["type"] in PLANS:
            found |= _with_signer(context, vendor, credential)
    return found


def _stored(
    context: Context, conn: Connection, org_id: str, only: Collection[str] | None
) -> dict[str, VendorAccount]:
    """The organisation's newest account at each vendor. ``only``: Vapi's ``credentialIds``."""
    found = dict[str, VendorAccount]()
    for row in accounts.org_credentials(conn, org_id, registry.with_account()):
        if only is not None and row["id"] not in only:
            continue
        try:
            secret = context.vault.open(row["secret"])
        except WrongKey as error:  # the other accounts still work
            log.error(
                "credential %s cannot be used: %s",
                row["id"],
                error,
                extra={"credentialId": row["id"]},
            )
            continue
        found |= _with_signer(context, row["provider"], merge(row["body"], secret))
    return found


def account_of(context: Context, row: JsonObject) -> VendorAccount | None:
    """The account of one stored credential; None: it cannot be used. Raises ``WrongKey``."""
    body = merge(row["body"], context.vault.open(row["secret"]))
    return _with_signer(context, row["provider"], body).get(row["provider"])


def _with_signer(
    context: Context | None, vendor: str, body: JsonObject
) -> dict[str, VendorAccount]:
    """An account whose requests an ``authenticationPlan`` may sign."""
    plan = body.get(PLAN)
    if not plan:
        return _access(vendor, body)
    key = registry.VENDORS[vendor].credential.key
    made = _access(vendor, {key: NO_KEY, **body})
    if context is None:
        return made
    signer = server_credentials.signer_of(context, plan)
    return {name: replace(account, signer=signer) for name, account in made.items()}


def _access(vendor: str, body: JsonObject) -> dict[str, VendorAccount]:
    """The account by vendor; empty for an assistant's own credential that cannot be used."""
    fields = registry.VENDORS[vendor].credential
    texts = {
        name: body[name] for name in fields.texts if name in body and not _wrong_text(body[name])
    }
    key, url = texts.pop(fields.key, None), texts.pop(fields.url, None)
    if not key or (url is None and body.get(fields.url)):
        return {}
    return {vendor: VendorAccount(key, url, texts, client_supplied=True)}


def _wrong(vendor: Vendor, body: JsonObject) -> Iterator[str]:
    fields = vendor.credential
    for name in body:
        if name not in fields.texts | set(fields.lists) | {"provider", "name"}:
            yield f"property {name} should not exist"
    for name in (fields.key, *fields.required):
        if not body.get(name):
            yield f"{name} should not be empty"
    for name in sorted(fields.texts & body.keys()):
        if body[name] and (problem := _wrong_text(body[name])):
            yield f"{name} {problem}"
    for name in fields.lists:
        if not isinstance(body.get(name, []), list):
            yield f"{name} must be an array"
    url = body.get(fields.url)
    if isinstance(url, str) and url and (problem := vendor.form.problem(url)):
        yield f"{fields.url} {problem}"
    if problem := vendor.region_problem(url, body.get("region")):
        yield f"region {problem}"


def _wrong_text(value: Any) -> str | None:
    """The reason why a value cannot be part of a header or URL."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"must be at most {MAX_TEXT} characters"
    return value_problem(value)
