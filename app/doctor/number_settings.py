"""A number's settings at its carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.doctor.finding import Finding, level_of
from app.domain.context import Context
from app.domain.legs.owner_callbacks import FIELD
from app.domain.resources.number_urls import path_of
from app.store.vault import WrongKey
from providers.base.carrier import Carrier
from providers.base.rest import NumberSetting
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, ProviderError


@dataclass(frozen=True, slots=True)
class Judged:
    """One setting, and what to change. ``level`` as of a ``Finding``; ``advice`` may be empty."""

    name: str
    value: str
    kind: HookKind | None
    level: str
    advice: str


def check(context: Context, row: JsonObject, credential: JsonObject) -> Iterator[Finding]:
    """``row``: of the number. A line for each setting."""
    label = f"  {row['number']} at {row['provider']}"
    try:
        judged = settings_of(context, row, credential)
    except WrongKey:
        return  # reported with the account
    except CarrierError as error:
        yield Finding(level_of(error), f"{label}: {error}")
        return
    except ProviderError as error:
        yield Finding("note", f"{label}: not looked up: {error}")
        return
    for each in judged:
        advice = f"; {each.advice}" if each.advice else ""
        yield Finding(each.level, f"{label}: {each.name}: {each.value or 'not set'}{advice}")


def asked(context: Context, row: JsonObject, credential: JsonObject) -> tuple[list[Judged], str]:
    """What the carrier has today, and why it is not known; one of the two is empty."""
    try:
        return settings_of(context, row, credential), ""
    except (WrongKey, ProviderError) as error:
        return [], str(error)


def settings_of(context: Context, row: JsonObject, credential: JsonObject) -> list[Judged]:
    """What the carrier has today. Raises ``WrongKey``, ``ProviderError``."""
    carrier = context.providers[row["provider"]]
    client = carrier.client(context.account(credential), timeout=5.0)
    base, passes_on = context.settings.public_url, bool(row["body"].get(FIELD))
    return [_judged(base, carrier, each, passes_on) for each in client.number(row["number"])]


def _judged(base: str, carrier: Carrier, setting: NumberSetting, passes_on: bool) -> Judged:
    """Judge one setting. A URL of another server is no error: a flow may own the number.

    ``passes_on``: the number has an ``ownerCallbackUrl``, which gets what comes to our URL.
    """
    value = setting.value or ""
    if setting.problem:
        return Judged(setting.name, value, setting.kind, "error", setting.problem)
    path = path_of(carrier, setting.kind) if setting.kind else None
    if path is None or value.partition("?")[0] == base + path:
        return Judged(setting.name, value, setting.kind, "ok", "")
    if passes_on and setting.kind is HookKind.STATUS:
        advice = f"set {base + path}: {FIELD} gets only what comes there"
        return Judged(setting.name, value, setting.kind, "error", advice)
    ours = value.startswith(base + "/")
    advice = f"{'' if ours else 'for calls that come to us by themselves '}set {base + path}"
    return Judged(setting.name, value, setting.kind, "error" if ours else "note", advice)
