"""The accounts at carriers, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.cli.doctor import number_settings, signatures
from app.cli.doctor.finding import Finding, level_of
from app.cli.doctor.paths import urls
from app.store.schema import credentials, phone_numbers
from app.store.vault import WrongKey
from app.wiring import Services
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError


def check(patchbay: Services, *, offline: bool) -> Iterator[Finding]:
    """Each account and each number. ``offline``: no carrier and no bridge is asked."""
    with patchbay.store.read() as conn:
        known = credentials.c.provider.in_(patchbay.providers)
        rows = conn.execute(sa.select(credentials).where(known)).mappings().all()
        numbers = conn.execute(sa.select(phone_numbers)).mappings().all()
    if not rows:
        yield Finding(
            "note", "no carrier account: set the carrier's variables, or POST /credential"
        )
    named = {row["id"]: {str(name): value for name, value in row.items()} for row in rows}
    for row in named.values():
        yield from _account(patchbay, row, offline)
    for number in numbers:
        row = {str(name): value for name, value in number.items()}
        yield from _number(patchbay, row)
        if not offline:
            yield from number_settings.check(patchbay, row, named[row["credential_id"]])


def _account(patchbay: Services, row: JsonObject, offline: bool) -> Iterator[Finding]:
    label = f"{row['provider']} account {row['account_ref']}"
    provider = patchbay.providers[row["provider"]]
    try:
        account = patchbay.context.account(row)
    except (WrongKey, ProviderError) as error:
        yield Finding("error", f"{label}: {error}")
        return
    if offline:
        return
    yield from signatures.check(patchbay, provider, account, label)
    try:
        yield Finding("ok", f"{label}: {provider.client(account, timeout=5.0).check()}")
    except NotConfigured as error:
        yield Finding("note", f"{label}: its API is not used: {error}")
    except CarrierError as error:
        yield Finding(level_of(error), f"{label}: {error}")


def _number(patchbay: Services, row: JsonObject) -> Iterator[Finding]:
    provider, assistant = patchbay.providers[row["provider"]], row["assistant_id"]
    answers = f"assistant {assistant}" if assistant else "no assistant: the URL must name one"
    yield Finding(
        "ok", f"phone number {row['number']} ({provider.name}, id {row['id']}): {answers}"
    )
    for name, url in urls(provider, patchbay.settings.public_url, assistant):
        yield Finding("note", f"  {name}: {url}")
