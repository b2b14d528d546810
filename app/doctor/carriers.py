"""The accounts at carriers, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.doctor import number_settings, signatures
from app.doctor.finding import Finding, level_of
from app.domain.context import Context
from app.domain.resources.number_urls import urls
from app.store.schema import credentials, phone_numbers
from app.store.vault import WrongKey
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError

MOST_NUMBERS = 20
"""Numbers whose settings the dashboard's page asks for."""


def check(context: Context, *, offline: bool = False, most: int | None = None) -> Iterator[Finding]:
    """Each account and each number.

    ``offline``: no carrier and no bridge is asked. ``most``: carriers are asked about so many numbers.
    """
    with context.store.read() as conn:
        known = credentials.c.provider.in_(context.providers)
        rows = conn.execute(sa.select(credentials).where(known)).mappings().all()
        numbers = conn.execute(sa.select(phone_numbers)).mappings().all()
    if not rows:
        yield Finding(
            "note", "no carrier account: set the carrier's variables, or POST /credential"
        )
    named = {row["id"]: {str(name): value for name, value in row.items()} for row in rows}
    for row in named.values():
        yield from account(context, row, offline=offline)
    for place, number in enumerate(numbers):
        row = {str(name): value for name, value in number.items()}
        yield from _number(context, row)
        if not offline and (most is None or place < most):
            yield from number_settings.check(context, row, named[row["credential_id"]])
    if most is not None and len(numbers) > most:
        yield Finding("note", f"the carriers were asked about {most} of {len(numbers)} numbers")


def some(context: Context) -> Iterator[Finding]:
    """Each account, and the settings of as many numbers as a page waits for."""
    yield from check(context, most=MOST_NUMBERS)


def account(context: Context, row: JsonObject, *, offline: bool = False) -> Iterator[Finding]:
    """One account: its secrets, and unless ``offline`` its signatures and its API."""
    label = f"{row['provider']} account {row['account_ref']}"
    provider = context.providers[row["provider"]]
    try:
        opened = context.account(row)
    except (WrongKey, ProviderError) as error:
        yield Finding("error", f"{label}: {error}")
        return
    if offline:
        return
    yield from signatures.check(context, provider, opened, label)
    try:
        yield Finding("ok", f"{label}: {provider.client(opened, timeout=5.0).check()}")
    except NotConfigured as error:
        yield Finding("note", f"{label}: its API is not used: {error}")
    except CarrierError as error:
        yield Finding(level_of(error), f"{label}: {error}")


def _number(context: Context, row: JsonObject) -> Iterator[Finding]:
    provider, assistant = context.providers[row["provider"]], row["assistant_id"]
    answers = f"assistant {assistant}" if assistant else "no assistant: the URL must name one"
    yield Finding(
        "ok", f"phone number {row['number']} ({provider.name}, id {row['id']}): {answers}"
    )
    for name, url in urls(provider, context.settings.public_url, assistant):
        yield Finding("note", f"  {name}: {url}")
