"""Accounts at carriers, vendors and own servers, as rows and forms. No secret is in any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.context import Context, iso
from app.domain.resources import server_credentials, vendor_accounts
from app.domain.resources.credentials import Credentials, is_configured
from app.store import resources
from app.store.resources import Window
from app.store.schema import credentials
from app.vendors import registry
from providers.base.carrier import phone_carriers
from providers.base.setting import API_URL, NUMBER, SIP_DOMAIN, SettingKind
from providers.common.json_types import JsonDict, JsonObject

MOST = 1000
NOT_OF_THE_ACCOUNT = {NUMBER, API_URL, SIP_DOMAIN}
"""Settings of a carrier that are no fields of a credential."""
HIDDEN = {SettingKind.SECRET, SettingKind.LIST, SettingKind.PEM}


class Source(StrEnum):
    """Where an account comes from, which is who may change it."""

    STORED = "stored here"
    ENVIRONMENT = "from the environment"
    NUMBER = "of a phone number"


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """One account. ``id`` is empty for a vendor's of the environment."""

    id: str
    provider: str
    kind: str
    """``carrier``, ``vendor``, ``server``, or ``unknown``: of a plugin that is gone."""
    name: str
    ref: str
    """The carrier's id of it, or the address that replaces the vendor's own."""
    source: Source
    created_at: str

    @property
    def can_change(self) -> bool:
        return self.source is Source.STORED

    @property
    def can_test(self) -> bool:
        return self.kind in {"carrier", "vendor"}


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form. A hidden one is never filled with what is stored."""

    name: str
    label: str
    is_secret: bool = False
    is_list: bool = False
    has_lines: bool = False
    required: bool = False
    hint: str = ""


def listing(context: Context, org_id: str) -> list[CredentialRow]:
    """The environment's first, then the stored ones, the newest first."""
    with context.store.read() as conn:
        stored = resources.listing(conn, credentials, org_id, Window(MOST))
    rows = [*_of_environment(context), *(_row(context, row) for row in stored)]
    return sorted(rows, key=lambda row: row.source is not Source.ENVIRONMENT)


def one(context: Context, org_id: str, id: str) -> tuple[CredentialRow, JsonObject]:
    """A stored account and its row of the table. Raises ``NotFound``."""
    with context.store.read() as conn:
        row = Credentials(context).row(conn, org_id, id)
    return _row(context, row), row


def holders(context: Context) -> dict[str, list[str]]:
    """The providers of a credential, by kind."""
    return {
        "carrier": phone_carriers(context.providers),
        "vendor": sorted(registry.with_account()),
        "server": list(server_credentials.PROVIDERS),
    }


def fields_of(context: Context, provider: str) -> list[FormField]:
    """The fields of its form, without the name. Empty for an unknown provider."""
    if provider in registry.with_account():
        return list(_vendor_fields(provider))
    if provider in context.providers:
        return list(_carrier_fields(context, provider))
    return []


def shown(row: JsonObject) -> JsonDict:
    """The fields of a stored account that are no secret."""
    return {name: value for name, value in row["body"].items() if name != "name"}


def environment_names(context: Context, provider: str) -> str:
    """The variable of the key, for a person who wants to change it."""
    vendor = registry.VENDORS.get(provider)
    if vendor is not None and vendor.env_prefix is not None:
        return vendor.key_variable
    carrier = context.providers.get(provider)
    return ", ".join(each.variable for each in carrier.settings if each.required) if carrier else ""


def _vendor_fields(provider: str) -> Iterator[FormField]:
    vendor = registry.VENDORS[provider]
    fields = vendor.credential
    has_plan = vendor_accounts.takes_plan(provider)
    yield FormField(fields.key, label(fields.key), is_secret=True, required=not has_plan)
    for name in (*fields.sealed, *fields.shown):
        required = name in fields.required
        yield FormField(name, label(name), is_secret=name in fields.sealed, required=required)
    own = "" if fields.url in fields.required else "Empty: the vendor's own"
    yield FormField(fields.url, label(fields.url), required=fields.url in fields.required, hint=own)


def _carrier_fields(context: Context, provider: str) -> Iterator[FormField]:
    for each in context.providers[provider].settings:
        if each.field in NOT_OF_THE_ACCOUNT:
            continue
        is_list = each.kind is SettingKind.LIST
        yield FormField(
            each.field,
            label(each.field),
            is_secret=each.kind in HIDDEN,
            is_list=is_list,
            has_lines=each.kind is SettingKind.PEM,
            required=each.required,
            hint="Several with commas between, the newest first" if is_list else "",
        )


def label(name: str) -> str:
    """``apiSecret`` -> ``API secret``."""
    words = re.sub("(?<=[a-z])([A-Z])", r" \1", name).lower().capitalize()
    return re.sub(r"\b(api|url|sid)\b", lambda found: found[0].upper(), words, flags=re.IGNORECASE)


def _of_environment(context: Context) -> Iterator[CredentialRow]:
    for vendor in context.settings.vendors:
        if vendor.key:
            name = registry.VENDORS[vendor.provider].key_variable
            url = vendor.url or ""
            yield CredentialRow("", vendor.provider, "vendor", name, url, Source.ENVIRONMENT, "")


def _row(context: Context, row: JsonObject) -> CredentialRow:
    provider, body = row["provider"], row["body"]
    if provider in server_credentials.PROVIDERS:
        kind, ref = "server", str(body.get(server_credentials.PLAN, {}).get("type", ""))
    elif provider in registry.with_account():
        kind, ref = "vendor", str(body.get(registry.VENDORS[provider].credential.url) or "")
    else:
        kind, ref = "carrier" if provider in context.providers else "unknown", row["account_ref"]
    return CredentialRow(
        row["id"],
        provider,
        kind,
        str(body.get("name") or ""),
        ref,
        _source(context, row),
        iso(row["created_at"]) or "",
    )


def _source(context: Context, row: JsonObject) -> Source:
    if not row["managed"]:
        return Source.STORED
    if row["provider"] in context.providers and is_configured(context, row):
        return Source.ENVIRONMENT
    return Source.NUMBER
