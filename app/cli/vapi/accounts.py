"""The accounts of the source, beside those that are set here. Vapi gives no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.cli.vapi.report import NEEDED, SET, Entry
from app.cli.vapi.source import Credential
from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.resources import server_credentials
from app.routes.schemas.base import CARRIERS
from app.store.resources import Window
from app.vendors import registry
from app.wiring import Services
from providers.common.json_types import JsonDict

KIND = "credential"
MOST = 1000
UNUSED = "not used here"
STORE = "POST /credential"


@dataclass(frozen=True, slots=True)
class Accounts:
    """``ids``: id or name at the source -> id here."""

    entries: list[Entry]
    ids: Mapping[str, str]


def compare(services: Services, org_id: str, given: Iterable[Credential]) -> Accounts:
    """Which accounts of the source are set here, and what to do about the others."""
    stored = services.resources.credentials.list(org_id, Window(MOST))
    by_setting = {each.provider for each in services.settings.vendors}
    entries, ids = list[Entry](), dict[str, str]()
    for each in given:
        here = next((one["id"] for one in stored if _is_same(each, one)), None)
        here = here or _only_one(each.provider, stored)
        name = f"{each.name or each.provider} ({each.provider or 'of a state file'})"
        if here is not None:
            ids[each.source_id] = here
            if each.name:
                ids[each.name] = here
        provider = _provider(each)
        if here is not None or provider in by_setting:
            entries.append(Entry(KIND, name, SET, each.source_id, here or ""))
        else:
            entries.append(_needed(each, provider, name))
    return Accounts(entries, ids)


def _is_same(given: Credential, stored: JsonDict) -> bool:
    """By the id, by provider and name, or by the name that gitops makes of these."""
    if given.source_id == stored["id"]:
        return True
    if not given.provider:
        return given.name == _slug(stored.get("name") or stored["provider"])
    name = stored.get("name") or ""
    return given.provider == stored["provider"] and bool(name) and given.name == name


def _only_one(provider: str, stored: list[JsonDict]) -> str | None:
    """The id of a carrier's account, where there is one alone."""
    found = [each["id"] for each in stored if each["provider"] == provider]
    return found[0] if provider in CARRIERS and len(found) == 1 else None


def _provider(given: Credential) -> str:
    names = (*CARRIERS, *registry.with_account())
    return given.provider or next((name for name in names if _slug(name) == given.name), "")


def _needed(given: Credential, provider: str, name: str) -> Entry:
    vendor = registry.with_account().get(provider)
    if vendor is not None:
        why = f"Vapi gives no secrets: set {vendor.key_variable}, or {STORE}"
    elif provider in CARRIERS:
        why = f"Vapi gives no secrets: set the account's variables, or {STORE}"
    elif provider in server_credentials.PROVIDERS:
        why = f"Vapi gives no secrets: {STORE} with this provider and name, then import again"
    elif not provider:
        why = f"Vapi gives no secrets: {STORE} with this name, then import again"
    else:
        found = Finding("", Fate.IGNORED, "no account of this provider is used here")
        return Entry(KIND, name, UNUSED, given.source_id, findings=(found,))
    found = Finding("", Fate.REFUSED, why)
    return Entry(KIND, name, NEEDED, given.source_id, findings=(found,))


def _slug(name: str) -> str:
    """As gitops writes a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
