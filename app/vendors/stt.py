"""Builds the pipecat service of an assistant's ``transcriber``.

A vendor's part is imported when the first call needs it.
``tests/vendors/test_transcriber_failures.py`` shows how each vendor's failures appear.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, TypeAlias

from app.net.types import Addresses
from app.vendors import registry
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.errors import (
    NO_KEY,
    TRANSCRIBER,
    UnbuildableAssistant,
    check_address,
    deny_all,
)
from app.vendors.common.fallback import build_each, candidates, in_language_of
from app.vendors.common.local_program import lacking
from app.vendors.common.tts_part import server_of
from app.vendors.common.vendor import Config, SttPart

SERVER = re.compile("(https?|wss?)://", re.IGNORECASE)

if TYPE_CHECKING:
    from pipecat.services.stt_service import STTService

    # The assistant's ``transcriber``, the account, the call's rate in hertz, and the rule for
    # servers that the assistant names.
    MakeTranscriber: TypeAlias = Callable[[Config, VendorAccount, int, Addresses], STTService]


def make_transcriber(
    config: Config | None,
    accounts: VendorAccounts,
    sample_rate: int,
    addresses: Addresses = deny_all,
) -> STTService | None:
    """Build the service for one call; None for a call with keys only.

    ``config``: the assistant's ``transcriber``. ``sample_rate``: the call's, in hertz; the service
    takes 16-bit mono of it. ``addresses``: the rule for a client's servers; without it all of them
    are refused. Blocks. Raises ``UnbuildableAssistant``.
    """
    if not config:
        return None
    part, account = checked(config, accounts)
    provider = config["provider"]
    if account.client_supplied and account.url:
        check_address(TRANSCRIBER, str(provider), account.url, addresses)
    make: MakeTranscriber = resolve_name(part.make)
    return make(config, account, sample_rate, addresses)


def checked(config: Config, accounts: VendorAccounts) -> tuple[SttPart, VendorAccount]:
    """The vendor's part, and its account. Raises ``UnbuildableAssistant`` where one is missing."""
    provider, known = config.get("provider"), registry.stt_parts()
    part = known.get(provider) if isinstance(provider, str) else None
    if part is None:
        why = registry.NO_TRANSCRIBERS.get(str(provider))
        text = (
            f"There is no transcriber {provider!r}{f', because {why}' if why else ''}: "
            f"transcriber.provider is one of {', '.join(known)}. A transcriber.fallbackPlan, or the "
            "setting FALLBACK_TRANSCRIBER, has another one hear instead."
        )
        raise UnbuildableAssistant(TRANSCRIBER, str(provider), text)
    if part.server_in_assistant and not _has_server(config):
        text = f"The {provider} has no address: set transcriber.server.url."
        raise UnbuildableAssistant(TRANSCRIBER, str(provider), text)
    account = _checked(str(provider), part, accounts)
    if lack := lacking(part.program, config, account):
        raise UnbuildableAssistant(TRANSCRIBER, str(provider), lack)
    return part, account


def make_transcribers(
    config: Config,
    make: Callable[[Config], STTService | None],
    fallback: Config | None = None,
) -> list[tuple[Config, STTService]]:
    """Build the assistant's transcriber and those that replace it, in order.

    ``make``: builds one. ``fallback``: the operator's. Raises ``UnbuildableAssistant`` of the
    assistant's own if none can be built.
    """
    last = in_language_of(config, fallback)
    found = map(registry.named, candidates(TRANSCRIBER, config, last))
    built = build_each(found, make)
    return [(each, service) for each, service in built if service is not None]


def problem(config: Config, accounts: VendorAccounts) -> str | None:
    """Why this transcriber cannot be built, for the operator; None: it can, if its fields fit."""
    provider = str(config.get("provider") or "")
    part = registry.stt_parts().get(provider)
    if part is None:
        return f"there is no transcriber {provider!r}"
    try:
        checked(config, accounts)
    except UnbuildableAssistant as problem:
        return str(problem)
    return None


def _has_server(config: Config) -> bool:
    url = server_of(config).get("url")
    return isinstance(url, str) and SERVER.match(url) is not None


def _checked(provider: str, part: SttPart, accounts: VendorAccounts) -> VendorAccount:
    """The account, with its address filled in."""
    account = accounts.get(provider, NO_ACCOUNT)
    if part.address is None:
        return account
    if not account.key and not account.url:
        raise UnbuildableAssistant(TRANSCRIBER, provider, registry.VENDORS[provider].lacks_key)
    vendor, region = registry.VENDORS[provider], account.extra.get("region")
    if problem := vendor.region_problem(account.url, region) if "{" in part.address else None:
        text = f"The region of the transcriber {provider} {problem}."
        raise UnbuildableAssistant(TRANSCRIBER, provider, text)
    url = (account.url or part.address.format(region=region)).rstrip("/")
    if problem := vendor.form.problem(url):
        text = f"The address of the transcriber {provider} {problem}."
        raise UnbuildableAssistant(TRANSCRIBER, provider, text)
    return replace(account, key=account.key or NO_KEY, url=url)
