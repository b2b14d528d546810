"""A number's settings at its carrier."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.doctor.finding import Finding, level_of
from app.cli.doctor.paths import path_of
from app.store.vault import WrongKey
from app.wiring import Services
from providers.base.carrier import Carrier
from providers.base.rest import NumberSetting
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, ProviderError


def check(patchbay: Services, row: JsonObject, credential: JsonObject) -> Iterator[Finding]:
    provider = patchbay.providers[row["provider"]]
    label = f"  {row['number']} at {provider.name}"
    try:
        client = provider.client(patchbay.context.account(credential), timeout=5.0)
        settings = client.number(row["number"])
    except WrongKey:
        return  # reported with the account
    except CarrierError as error:
        yield Finding(level_of(error), f"{label}: {error}")
        return
    except ProviderError as error:
        yield Finding("note", f"{label}: not looked up: {error}")
        return
    for setting in settings:
        yield _judged(patchbay, provider, label, setting)


def _judged(patchbay: Services, carrier: Carrier, label: str, setting: NumberSetting) -> Finding:
    """Judge one setting. A URL of another server is no error: a flow may own the number."""
    base = patchbay.settings.public_url
    said = f"{label}: {setting.name}: {setting.value or 'not set'}"
    if setting.problem:
        return Finding("error", f"{said}; {setting.problem}")
    path = path_of(carrier, setting.kind) if setting.kind else None
    if path is None or (setting.value or "").partition("?")[0] == base + path:
        return Finding("ok", said)
    ours = (setting.value or "").startswith(base + "/")
    advice = (
        f"set {base + path}"
        if ours
        else f"for calls that come to us by themselves set {base + path}"
    )
    return Finding("error" if ours else "note", f"{said}; {advice}")
